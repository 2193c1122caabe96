"""Where a stage's document of secrets is: a file, an SSM parameter, or a secret of AWS Secrets Manager."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from chalicelib.security.aws import Aws
from chalicelib.security.keys import new_secrets
from chalicelib.settings import SECRETS_FILE, SECRETS_PARAMETER, Settings, SettingsError


class Source(Protocol):
    """Gives the document as text."""

    @property
    def label(self) -> str:
        """What to call it in messages."""
        ...

    def read(self) -> str:
        """Read the document.

        :raises OSError: or one of botocore's faults, or ValueError: it can't be read.
        """
        ...


@dataclass(frozen=True)
class FileSource:
    """A file: for local stages, and for containers that get their secrets mounted."""

    path: Path

    @property
    def label(self) -> str:
        """What to call it in messages."""
        return self.path.name

    def read(self) -> str:
        """Read the file."""
        return self.path.read_text("utf-8")


@dataclass(frozen=True)
class ParameterSource:
    """A SecureString in the Parameter Store of AWS Systems Manager."""

    aws: Aws
    name: str

    @property
    def label(self) -> str:
        """What to call it in messages."""
        return f"the parameter {self.name}"

    def read(self) -> str:
        """Read the latest version."""
        answer = self.aws.client("ssm").get_parameter(Name=self.name, WithDecryption=True)
        text: str = answer["Parameter"]["Value"]
        return text


@dataclass(frozen=True)
class SecretSource:
    """A secret of AWS Secrets Manager."""

    aws: Aws
    name: str

    @property
    def label(self) -> str:
        """What to call it in messages."""
        return f"the secret {self.name}"

    def read(self) -> str:
        """Read the current version."""
        text: str = self.aws.client("secretsmanager").get_secret_value(SecretId=self.name)["SecretString"]
        return text


def source_of(settings: Settings, aws: Aws) -> FileSource | ParameterSource | SecretSource:
    """Return the source that the settings name.

    :raises SettingsError: they name none.
    """
    if settings.secrets is None:
        raise SettingsError("SECRETS is missing.")
    kind, _, name = settings.secrets.partition(":")
    if kind == SECRETS_FILE:
        return FileSource(Path(name))
    return ParameterSource(aws, name) if kind == SECRETS_PARAMETER else SecretSource(aws, name)


def create_file(path: Path, document: dict[str, Any]) -> bool:
    """Write a document that only its owner may read; return False if the file exists, which then stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = write_draft(path, document)
    try:
        # Linked into place whole, so that of two processes which start at once both use the first one's.
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def write_draft(path: Path, document: dict[str, Any]) -> Path:
    """Write a document beside a file, to be put in its place."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(document, file)
    return draft


def ensure_local_secrets(settings: Settings, source: Source) -> None:
    """Make the file of a local stage on its first run; no other stage ever makes up its keys."""
    if settings.is_local and isinstance(source, FileSource) and not source.path.exists():
        create_file(source.path, new_secrets())
