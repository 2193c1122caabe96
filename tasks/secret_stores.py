"""Changes the document of secrets where it is kept, so that no concurrent change is lost."""

import getpass
import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.db.table import backoff
from chalicelib.security.aws import Aws
from chalicelib.security.keystore import create_file, write_draft
from chalicelib.settings import SECRETS_FILE, SECRETS_PARAMETER, Settings
from tasks.errors import TaskError
from tasks.processes import locked
from tasks.rotation import Document

ATTEMPTS = 8
LOCK_SECONDS = 10
Edit = Callable[[Document], Document]


class Store:
    """Keeps one document."""

    name: str

    def read(self) -> Document:
        """Read it."""
        return self._read()[0]

    def create(self, document: Document) -> bool:
        """Write the first one; False if there is one already, which stays as it is."""
        raise NotImplementedError

    def change(self, edit: Edit) -> Document:
        """Replace it by what an edit makes of it, and return that; the edit may be applied more than once.

        :raises TaskError: others changed it in every attempt.
        """
        with self._locked():
            for attempt in range(ATTEMPTS):
                before, version = self._read()
                document = edit(before)
                if self._replace(document, version):
                    return document
                backoff(attempt, base=0.1)
        raise TaskError(f"{self.name} was changed by others in every attempt: try again.")

    def _read(self) -> tuple[Document, Any]:
        """Read it with its version."""
        raise NotImplementedError

    def _replace(self, document: Document, version: Any) -> bool:
        """Write another version after the one that was read; False if that is not the latest."""
        raise NotImplementedError

    def _locked(self) -> AbstractContextManager[None]:
        return nullcontext()


class FileStore(Store):
    """A file, replaced whole under a lock."""

    def __init__(self, path: Path) -> None:
        self.name, self.path = str(path), path

    def create(self, document: Document) -> bool:
        """Write the first one; see Store."""
        return create_file(self.path, document)

    def _read(self) -> tuple[Document, None]:
        return json.loads(self.path.read_text("utf-8")), None

    def _replace(self, document: Document, _version: None) -> bool:
        write_draft(self.path, document).replace(self.path)
        return True

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.path.with_name(f"{self.path.name}.lock"))


class ParameterStore(Store):
    """A SecureString. PutParameter has no condition, but it refuses to create what exists: that is a lock."""

    def __init__(self, aws: Aws, name: str) -> None:
        self.name, self.lock = name, f"{name}.lock"
        self._ssm = aws.client("ssm")

    def create(self, document: Document) -> bool:
        """Write the first one; see Store."""
        try:
            self._put(document)
        except self._ssm.exceptions.ParameterAlreadyExists:
            return False
        return True

    def _read(self) -> tuple[Document, int]:
        found = self._ssm.get_parameter(Name=self.name, WithDecryption=True)["Parameter"]
        return json.loads(found["Value"]), found["Version"]

    def _replace(self, document: Document, version: int) -> bool:
        written = self._put(document, Overwrite=True, **self._encryption())
        if written != version + 1:
            raise TaskError(
                f"Version {written - 1} of {self.name} was written without the lock, and is "
                "replaced now: look at it with `aws ssm get-parameter-history`, and make the change again."
            )
        return True

    def _put(self, document: Document, **more: Any) -> int:
        # Two RSA keys do not fit into the 4 KB of the standard tier.
        options = {"Type": "SecureString", "Tier": "Intelligent-Tiering", **more}
        return int(self._ssm.put_parameter(Name=self.name, Value=json.dumps(document), **options)["Version"])

    def _encryption(self) -> dict[str, str]:
        """Return the key that encrypts it: without it, an update would use the account's default key."""
        filters = [{"Key": "Name", "Values": [self.name]}]
        found = self._ssm.describe_parameters(ParameterFilters=filters)["Parameters"][0]
        return {"KeyId": found["KeyId"]} if "KeyId" in found else {}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        deadline = time.monotonic() + LOCK_SECONDS
        while not self._take_lock():
            if time.monotonic() > deadline:
                holder = self._ssm.get_parameter(Name=self.lock)["Parameter"]["Value"]
                remedy = f"aws ssm delete-parameter --name {self.lock}"
                raise TaskError(f"{holder} changes {self.name}. If this lock is stale, run: {remedy}")
            time.sleep(0.2)
        try:
            yield
        finally:
            self._ssm.delete_parameter(Name=self.lock)

    def _take_lock(self) -> bool:
        since = time.strftime("%FT%TZ", time.gmtime())
        holder = f"{getpass.getuser()}@{socket.gethostname()} (since {since})"
        try:
            self._ssm.put_parameter(Name=self.lock, Type="String", Value=holder)
        except self._ssm.exceptions.ParameterAlreadyExists:
            return False
        return True


class SecretStore(Store):
    """A secret. Its label AWSCURRENT moves to a new version only from the version that was read."""

    def __init__(self, aws: Aws, name: str) -> None:
        self.name = name
        self._manager = aws.client("secretsmanager")

    def create(self, document: Document) -> bool:
        """Write the first one; see Store."""
        try:
            self._manager.create_secret(Name=self.name, SecretString=json.dumps(document))
        except self._manager.exceptions.ResourceExistsException:
            return False
        return True

    def _read(self) -> tuple[Document, str]:
        found = self._manager.get_secret_value(SecretId=self.name, VersionStage="AWSCURRENT")
        return json.loads(found["SecretString"]), found["VersionId"]

    def _replace(self, document: Document, version: str) -> bool:
        text, token = json.dumps(document), str(uuid.uuid4())
        added = self._manager.put_secret_value(
            SecretId=self.name, ClientRequestToken=token, SecretString=text, VersionStages=["AWSPENDING"]
        )
        moved = {"MoveToVersionId": added["VersionId"], "RemoveFromVersionId": version}
        try:
            self._manager.update_secret_version_stage(SecretId=self.name, VersionStage="AWSCURRENT", **moved)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("InvalidParameterException", "InvalidRequestException"):
                return False
            raise
        return True


def store_of(settings: Settings, aws: Aws) -> Store:
    """Return the store that the settings name."""
    kind, _, name = (settings.secrets or "").partition(":")
    if kind == SECRETS_FILE:
        return FileStore(Path(name))
    return ParameterStore(aws, name) if kind == SECRETS_PARAMETER else SecretStore(aws, name)
