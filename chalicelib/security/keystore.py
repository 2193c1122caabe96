"""The keyring as it is now, from where a stage keeps its document of secrets; read again when it is old."""

import json
import logging
import os
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.session import Session
from cryptography.exceptions import UnsupportedAlgorithm

from chalicelib.errors import ServiceUnavailableError
from chalicelib.security.aws import FAULTS, Aws
from chalicelib.security.keys import Keyring, new_secrets, read_keyring
from chalicelib.settings import SECRETS_FILE, SECRETS_PARAMETER, Settings, SettingsError

MOST = 2  # times the cache time that a copy is used, where the source can't be read
PAUSE = 5.0  # seconds after a failure in which no other request waits for the source
START = 6.0  # seconds in which a start reads again; Lambda gives 10 to all of it
PAUSE_AT_START = 2.0  # seconds at most between two attempts
PASSING = {"ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded"}
UNREADABLE = (OSError, *FAULTS)
UNUSABLE = (ValueError, KeyError, TypeError, AttributeError, UnsupportedAlgorithm)

log = logging.getLogger("grail")


@dataclass(frozen=True)
class Source:
    """Where the document of secrets is.

    :param read: returns its text; raises OSError, ValueError or one of botocore's faults.
    :param path: of the file that it is, if it is one.
    """

    label: str
    read: Callable[[], str]
    path: Path | None = None


def source_of(settings: Settings, aws: Aws) -> Source:
    """Return the source that the settings name.

    :raises SettingsError: they name none.
    """
    if settings.secrets is None:
        raise SettingsError("SECRETS is missing.")
    kind, _, name = settings.secrets.partition(":")
    if kind == SECRETS_FILE:
        path = Path(name)
        return Source(path.name, partial(path.read_text, "utf-8"), path)
    if kind == SECRETS_PARAMETER:
        return Source(f"the parameter {name}", partial(_read_parameter, aws, name))
    return Source(f"the secret {name}", partial(_read_secret, aws, name))


def _read_parameter(aws: Aws, name: str) -> str:
    return str(aws.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


def _read_secret(aws: Aws, name: str) -> str:
    return str(aws.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


@dataclass(frozen=True)
class Moment:
    """A point in time by both clocks: one may be set back, the other may rest while a container is frozen."""

    wall: float
    steady: float

    @classmethod
    def now(cls) -> "Moment":
        """Look at the clocks."""
        return cls(time.time(), time.monotonic())

    @property
    def age(self) -> float:
        """Seconds since then, by the clock that says more."""
        return max(time.time() - self.wall, time.monotonic() - self.steady)


@dataclass(frozen=True)
class Copy:
    """What was read, and when."""

    text: str = field(repr=False)
    keyring: Keyring
    read: Moment


class Keystore:
    """Keeps the one copy of a process.

    :param cache: seconds for which a copy is good; within them a rotation or revocation reaches everybody.
    :raises SettingsError: the document is absent or unusable: the stage must not start then.
    """

    def __init__(self, source: Source, aws: Aws, cache: int) -> None:
        self._source = source
        self._aws = aws
        self._cache = cache
        self._lock = Lock()
        self._failure: Moment | None = None
        try:
            self._copy = self._read_at_start()
        except UNREADABLE as error:
            raise SettingsError(f"{source.label} cannot be read: {_kind(error)}.") from error
        except UNUSABLE as error:
            message = f"{source.label} does not hold usable signing keys: {type(error).__name__}."
            raise SettingsError(message) from error

    def keyring(self) -> Keyring:
        """Return the present keyring; at most one request at a time waits for it to be read.

        :raises ServiceUnavailableError: it could not be read for too long: a key that was revoked since then
            must not live on.
        """
        age = self._copy.read.age
        if age >= self._cache:
            self._refresh(wait=age >= MOST * self._cache)
        if self._copy.read.age >= MOST * self._cache:
            raise ServiceUnavailableError(retry_after=int(PAUSE))
        return self._copy.keyring

    def _refresh(self, *, wait: bool) -> None:
        if not self._lock.acquire(blocking=wait):
            return  # somebody else reads it, and the copy will do until then
        try:
            pauses = self._failure is not None and self._failure.age < PAUSE
            if self._copy.read.age >= self._cache and not pauses:
                self._copy, self._failure = self._read(self._copy), None
        except (*UNREADABLE, *UNUSABLE) as error:
            # Only the kind of the error: what went wrong while a key was parsed may show a part of it.
            log.warning("%s could not be read again: %s", self._source.label, type(error).__name__)
            self._failure = Moment.now()
        finally:
            self._lock.release()

    def _read_at_start(self) -> Copy:
        """Read; again while the source is busy, as when many functions start at once."""
        end = time.monotonic() + START
        most = 0.2
        while True:
            try:
                return self._read(None)
            except UNREADABLE as error:
                pause = random.SystemRandom().uniform(0, most)
                if not _passes(error) or time.monotonic() + pause > end:
                    raise
                time.sleep(pause)
                most = min(2 * most, PAUSE_AT_START)

    def _read(self, last: Copy | None) -> Copy:
        read = Moment.now()
        text = self._source.read()
        keyring = last.keyring if last and last.text == text else read_keyring(text, self._aws)
        return Copy(text, keyring, read)


def _passes(error: Exception) -> bool:
    """Whether a later attempt may succeed: throttled, out of order at the moment, or no answer."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or _kind(error) in PASSING
    return isinstance(error, HTTPClientError)


def _kind(error: Exception) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


def open_keystore(settings: Settings, session: Session) -> Keystore:
    """Read the secrets of a stage; a local stage makes its own on the first run.

    :raises SettingsError: they are absent or unusable: the stage must not start then.
    """
    aws = Aws(session, settings.region)
    source = source_of(settings, aws)
    if settings.is_local and source.path and not source.path.exists():
        create_file(source.path, new_secrets())  # no other stage ever makes up its keys
    return Keystore(source, aws, settings.secrets_cache)


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
