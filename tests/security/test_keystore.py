"""The keyring over time: what a container knows of rotations and revocations, and for how long."""

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.errors import ServiceUnavailableError
from chalicelib.security.keys import CURRENT, new_entry, new_secrets
from chalicelib.security.keystore import (
    PAUSE,
    START,
    Keystore,
    Source,
    open_keystore,
    source_of,
)
from chalicelib.settings import Settings, SettingsError
from tests.faults import refusal, wire
from tests.security.cloud import AWS, SESSION, kms_entry, put_parameter, put_secret

CACHE = 300


def document() -> dict[str, Any]:
    """Secrets with a key of their own."""
    return new_secrets(new_entry(Ed25519PrivateKey.generate(), CURRENT))


def put_file(path: Path) -> Callable[[Any], str]:
    """Store a document in a file, and return the setting for it."""

    def put(content: Any) -> str:
        path.write_text(json.dumps(content))
        return f"file:{path}"

    return put


@pytest.fixture(params=["file", "ssm", "secretsmanager"])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Any], str]:
    """Put a document where a stage keeps it: one kind of source after the other."""
    kinds = {"file": put_file(tmp_path / "secrets.json"), "ssm": put_parameter, "secretsmanager": put_secret}
    return kinds[request.param]


class Clock:
    """Both clocks, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.steady = 1e9, 1e3
        monkeypatch.setattr("chalicelib.security.keystore.time", self)

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def sleep(self, seconds: float) -> None:
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Advance both clocks."""
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Both clocks, set by hand."""
    return Clock(monkeypatch)


class Shelf:
    """A source that counts reads, and waits or fails on demand."""

    def __init__(self) -> None:
        self.text = json.dumps(document())
        self.reads = 0
        self.error: Exception | None = None
        self.before: Callable[[], None] = lambda: None

    def read(self) -> str:
        self.reads += 1
        self.before()
        if self.error:
            raise self.error
        return self.text


@pytest.fixture
def shelf() -> Shelf:
    """A source under the test's control."""
    return Shelf()


@pytest.fixture
def store(shelf: Shelf, clock: Clock) -> Keystore:
    """A keystore over the shelf."""
    return Keystore(Source("the shelf", shelf.read), AWS, CACHE)


def kid(keystore: Keystore) -> str:
    """Which key signs."""
    return keystore.keyring().current.kid


def test_a_stage_starts_from_each_source(put: Callable[[Any], str]) -> None:
    """The same document, wherever it is kept."""
    wanted = document()
    keystore = open_keystore(Settings(stage="prod", secrets=put(wanted)), SESSION)
    assert kid(keystore) == wanted["signing_keys"][0]["kid"]
    assert keystore.keyring().mac_secret == bytes.fromhex(wanted["mac_secret"])


def test_a_change_arrives_within_the_cache_time(put: Callable[[Any], str], clock: Clock) -> None:
    """Behaviour 33: from each source, at the first request after the cache time, and not before."""
    old, new = document(), document()
    keystore = open_keystore(Settings(stage="prod", secrets=put(old)), SESSION)
    put(new)
    clock.wait(CACHE - 1)
    assert kid(keystore) == old["signing_keys"][0]["kid"]
    clock.wait(1)
    assert kid(keystore) == new["signing_keys"][0]["kid"]


def test_keys_in_kms_sign_from_the_start_and_after_a_rotation(clock: Clock) -> None:
    """The session that reads the document is used for KMS, too."""
    keystore = open_keystore(
        Settings(stage="prod", secrets=put_parameter(new_secrets(kms_entry("RS256")))), SESSION
    )
    assert keystore.keyring().current.sign(b"text")
    put_parameter(new_secrets(kms_entry("ES256")))
    clock.wait(CACHE)
    assert (kid(keystore), len(keystore.keyring().current.sign(b"text"))) == ("ES256", 64)


def test_an_arn_names_a_source() -> None:
    """docs/keys.md: a secret or parameter of another account has colons in its name."""
    names = ("arn:aws:secretsmanager:us-east-1:1:secret:a", "arn:aws:ssm:us-east-1:1:parameter/a")
    settings = [
        Settings(stage="prod", secrets=f"{k}:{n}")
        for k, n in zip(("secretsmanager", "ssm"), names, strict=True)
    ]
    labels = [source_of(each, AWS).label for each in settings]
    assert labels == [f"the secret {names[0]}", f"the parameter {names[1]}"]


@pytest.mark.parametrize(
    "secrets", ["ssm:/grail/none", "secretsmanager:grail/none", "file:{folder}/none/secrets.json"]
)
def test_an_absent_document_stops_the_start(tmp_path: Path, secrets: str) -> None:
    """Absent means refuse to start, from each source; and a deployed stage makes nothing up."""
    with pytest.raises(SettingsError, match=r"none|secrets"):
        open_keystore(Settings(stage="prod", secrets=secrets.format(folder=tmp_path)), SESSION)


@pytest.mark.parametrize("content", [{}, [], None, "changeme", {**document(), "mac_secret": "00"}])
def test_an_unusable_document_stops_the_start(put: Callable[[Any], str], content: Any) -> None:
    """From each source."""
    with pytest.raises(SettingsError):
        open_keystore(Settings(stage="prod", secrets=put(content)), SESSION)


def test_secrets_are_those_of_the_stage_s_region() -> None:
    """A document of the same name in another region is another stage's."""
    with pytest.raises(SettingsError):
        open_keystore(
            Settings(stage="prod", region="eu-central-1", secrets=put_parameter(document())), SESSION
        )


def test_a_refused_read_stops_the_start() -> None:
    """A policy that lacks the permission is noticed at the first start, by the error's kind."""
    secrets = put_parameter(document())
    with (
        wire(lambda _, __: refusal("AccessDeniedException")),
        pytest.raises(SettingsError, match=r"/grail/test/secrets .*AccessDenied"),
    ):
        open_keystore(Settings(stage="prod", secrets=secrets), SESSION)


BUSY = {
    "throttled": ClientError({"Error": {"Code": "ThrottlingException"}}, "GetParameter"),
    "out of order": ClientError(
        {"Error": {"Code": "InternalError"}, "ResponseMetadata": {"HTTPStatusCode": 500}},
        "GetParameter",
    ),
    "no answer": ReadTimeoutError(endpoint_url="https://ssm"),
}


@pytest.mark.parametrize("kind", BUSY)
def test_a_busy_source_is_read_again_at_the_start(shelf: Shelf, clock: Clock, kind: str) -> None:
    """Parameter Store takes 40 reads a second of an account, and each of many cold starts reads once."""
    shelf.error = BUSY[kind]

    def recover() -> None:
        if shelf.reads > 5:
            shelf.error = None

    shelf.before = recover
    before = clock.monotonic()
    assert kid(Keystore(Source("the shelf", shelf.read), AWS, CACHE))
    assert (shelf.reads, clock.monotonic() - before < START) == (6, True)


def test_a_source_that_stays_busy_stops_the_start_within_its_time(shelf: Shelf, clock: Clock) -> None:
    """Lambda ends a start after 10 seconds; the message names what is wrong, and it is not the keys."""
    shelf.error = BUSY["throttled"]
    before = clock.monotonic()
    with pytest.raises(SettingsError, match=r"^the shelf cannot be read: ThrottlingException\.$"):
        Keystore(Source("the shelf", shelf.read), AWS, CACHE)
    assert START / 2 < clock.monotonic() - before <= START


@pytest.mark.parametrize(
    "error", [ClientError({"Error": {"Code": "ParameterNotFound"}}, "GetParameter"), OSError("gone")]
)
def test_what_does_not_pass_is_not_waited_for(shelf: Shelf, clock: Clock, error: Exception) -> None:
    """A document that is absent or refused is reported at once."""
    shelf.error = error
    before = clock.monotonic()
    with pytest.raises(SettingsError, match="cannot be read"):
        Keystore(Source("the shelf", shelf.read), AWS, CACHE)
    assert (shelf.reads, clock.monotonic()) == (1, before)


def test_within_the_cache_time_nothing_is_read(store: Keystore, shelf: Shelf, clock: Clock) -> None:
    """Requests are not slowed down."""
    for _ in range(10):
        clock.wait(CACHE / 10 - 1)
        store.keyring()
    assert shelf.reads == 1


def test_an_unchanged_document_is_the_same_keyring(store: Keystore, shelf: Shelf, clock: Clock) -> None:
    """What has not changed is not parsed again."""
    before = store.keyring()
    clock.wait(CACHE)
    assert (store.keyring() is before, shelf.reads) == (True, 2)


@pytest.mark.parametrize("hand", ["wall", "steady"])
def test_one_clock_suffices_to_age(store: Keystore, shelf: Shelf, clock: Clock, hand: str) -> None:
    """Behaviour 65: neither a clock that is set back nor one that rests keeps a revoked key alive."""
    shelf.text = json.dumps(document())
    before = kid(store)
    setattr(clock, hand, getattr(clock, hand) + CACHE)
    other = "steady" if hand == "wall" else "wall"
    setattr(clock, other, getattr(clock, other) - CACHE)
    assert kid(store) != before


FAILURES: dict[str, Callable[[Shelf], None]] = {
    "unreadable": lambda shelf: setattr(shelf, "error", OSError("gone")),
    "not JSON": lambda shelf: setattr(shelf, "text", "{"),
    "no keys": lambda shelf: setattr(shelf, "text", "{}"),
    "not an object": lambda shelf: setattr(shelf, "text", "[1]"),
}


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_is_bridged_for_a_bounded_time(
    store: Keystore, shelf: Shelf, clock: Clock, fail: Callable[[Shelf], None]
) -> None:
    """The old copy is used for as long again, then requests get 503 with Retry-After."""
    before = store.keyring()
    fail(shelf)
    clock.wait(CACHE)
    assert store.keyring() is before
    clock.wait(CACHE - 1)
    assert store.keyring() is before
    clock.wait(1)
    with pytest.raises(ServiceUnavailableError) as caught:
        store.keyring()
    assert int(caught.value.headers["Retry-After"]) >= 1


def test_after_a_failure_it_recovers(store: Keystore, shelf: Shelf, clock: Clock) -> None:
    """What can be read again is used again."""
    shelf.error = OSError("gone")
    clock.wait(2 * CACHE)
    with pytest.raises(ServiceUnavailableError):
        store.keyring()
    shelf.error = None
    clock.wait(PAUSE)
    before = kid(store)
    shelf.text = json.dumps(document())
    clock.wait(CACHE)
    assert kid(store) != before


def test_a_failure_slows_one_request_down_not_each(store: Keystore, shelf: Shelf, clock: Clock) -> None:
    """Between two attempts there is a pause, before and after the copy's end."""
    shelf.error = OSError("gone")
    for wait in (CACHE, CACHE):
        clock.wait(wait)
        shelf.reads = 0
        for _ in range(20):
            try:
                store.keyring()
            except ServiceUnavailableError:
                continue
        assert shelf.reads == 1


def test_a_failure_is_logged_without_secrets(
    store: Keystore, shelf: Shelf, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Behaviour 56: a document that can't be read may still hold keys."""
    shelf.text = '{"signing_keys": [{"kid": "canary", "pem": "canary"}], "mac_secret": "canary"}'
    clock.wait(CACHE)
    with caplog.at_level(logging.WARNING, logger="grail"):
        store.keyring()
    assert caplog.messages == ["the shelf could not be read again: ValueError"]
    assert "canary" not in caplog.text


def test_while_one_request_reads_the_others_go_on(store: Keystore, shelf: Shelf, clock: Clock) -> None:
    """Only one thread waits for the source."""
    before = store.keyring()
    entered, leave = threading.Event(), threading.Event()
    shelf.text = json.dumps(document())

    def hold() -> None:
        entered.set()
        assert leave.wait(10)

    shelf.before = hold
    clock.wait(CACHE)
    reader = threading.Thread(target=store.keyring)
    reader.start()
    assert entered.wait(10)
    assert store.keyring() is before
    leave.set()
    reader.join()
    assert (store.keyring() is before, shelf.reads) == (False, 2)


def test_a_file_that_vanishes_serves_for_a_while(tmp_path: Path, clock: Clock) -> None:
    """A source under maintenance is a failure like any other."""
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps(document()))
    keystore = Keystore(Source("the file", path.read_text), AWS, CACHE)
    path.unlink()
    clock.wait(CACHE)
    assert kid(keystore)
    clock.wait(CACHE)
    with pytest.raises(ServiceUnavailableError):
        keystore.keyring()
