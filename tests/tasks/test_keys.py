"""Keys as operators handle them: made, listed, rotated and revoked, wherever a stage keeps them."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.errors import InvalidTokenError
from chalicelib.security.keys import CURRENT, NEXT, RETIRED, Keyring, read_keyring
from chalicelib.security.tokens import Claims, issue, verify
from chalicelib.settings import Settings
from tasks import keys
from tasks.console import explain
from tasks.errors import TaskError
from tasks.rotation import lifetime, propagation
from tasks.secret_stores import ParameterStore, SecretStore, Store, store_of
from tests.faults import Forward, Sent, Wired, wire
from tests.security.cloud import AWS, PARAMETER, SECRET, SPECS

ISSUER = "https://api.test"
CLAIMS = Claims(
    sub="U", client_id="c", scopes=frozenset(), owner="U", client_owner="U", credentials_version=1
)
SOURCES = ["file", "ssm", "secretsmanager"]
NAMES = {"ssm": PARAMETER, "secretsmanager": SECRET}


class Clock:
    """Time passes when somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = float(int(time.time()))
        # Only for the ages of keys: tokens keep the real time.
        hands = SimpleNamespace(time=lambda: self.now, gmtime=time.gmtime, strftime=time.strftime)
        monkeypatch.setattr("tasks.keys.time", hands)
        monkeypatch.setattr("chalicelib.security.keys.time", hands)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time passes by hand."""
    return Clock(monkeypatch)


@pytest.fixture(params=SOURCES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> keys.Stage:
    """A stage with an empty source, of one kind after the other."""
    name = NAMES.get(request.param, str(tmp_path / "secrets.json"))
    _empty()
    settings = Settings(stage="dev", secrets=f"{request.param}:{name}")
    return keys.Stage(settings, AWS, store_of(settings, AWS))


def _empty() -> None:
    AWS.client("ssm").delete_parameters(Names=[PARAMETER, f"{PARAMETER}.lock"])
    manager = AWS.client("secretsmanager")
    if manager.list_secrets()["SecretList"]:
        manager.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)


def statuses(stage: keys.Stage) -> dict[str, str]:
    """What each key does."""
    return {entry["kid"]: entry["status"] for entry in stage.read()["signing_keys"]}


def with_status(stage: keys.Stage, status: str) -> list[str]:
    """Which keys do it."""
    return [kid for kid, found in statuses(stage).items() if found == status]


def ring(stage: keys.Stage) -> Keyring:
    """What a container reads now."""
    return read_keyring(json.dumps(stage.read()), AWS)


def rotate(stage: keys.Stage, clock: Clock, **options: Any) -> None:
    """Rotate while the clock runs by itself."""
    keys.rotate(stage, sleep=clock.sleep, **options)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_new_document_is_one_that_a_stage_starts_with(stage: keys.Stage, algorithm: str) -> None:
    """keys.generate writes a key of the kind that is asked for, to each source."""
    keys.generate(stage, algorithm)
    assert (ring(stage).current.algorithm, len(ring(stage).mac_secret)) == (algorithm, 32)


@pytest.mark.parametrize("algorithm", SPECS)
def test_kms_makes_keys_for_each_source(stage: keys.Stage, algorithm: str) -> None:
    """The private part is nowhere but in KMS, and the key is marked as the stage's."""
    keys.generate(stage, algorithm, kms=True)
    entry = stage.read()["signing_keys"][0]
    assert entry.keys() == {"kid", "status", "kms", "public"}
    assert "PRIVATE" not in json.dumps(stage.read())
    tags = AWS.client("kms").list_resource_tags(KeyId=entry["kms"])["Tags"]
    assert tags == [{"TagKey": "grail-stage", "TagValue": "dev"}]
    assert verify(ring(stage), ISSUER, issue(ring(stage), ISSUER, CLAIMS, 60)).sub == "U"


def test_a_document_is_never_overwritten(stage: keys.Stage) -> None:
    """A second keys.generate changes nothing, and makes no key in KMS either."""
    keys.generate(stage)
    before, made = stage.read(), len(AWS.client("kms").list_keys()["Keys"])
    for kms in (False, True):
        with pytest.raises(TaskError, match="already"):
            keys.generate(stage, kms=kms)
    assert not stage.store.create({"signing_keys": []})
    assert (stage.read(), len(AWS.client("kms").list_keys()["Keys"])) == (before, made)


def test_the_parameter_is_encrypted() -> None:
    """A SecureString."""
    _empty()
    settings = Settings(stage="dev", secrets=f"ssm:{PARAMETER}")
    keys.generate(keys.Stage(settings, AWS, store_of(settings, AWS)))
    assert AWS.client("ssm").get_parameter(Name=PARAMETER)["Parameter"]["Type"] == "SecureString"


def test_a_rotation_publishes_waits_signs_and_retires(stage: keys.Stage, clock: Clock) -> None:
    """Behaviour 33: the next key is known to everybody before it signs; old tokens live to their end."""
    keys.generate(stage, "ES256")
    before = ring(stage)
    token = issue(before, ISSUER, CLAIMS, 3600)
    started = clock.now
    rotate(stage, clock)
    after = ring(stage)
    assert clock.now - started == propagation(stage.settings) == 2 * stage.settings.secrets_cache
    assert (after.current.kid != before.current.kid, after.current.algorithm) == (True, "ES256")
    assert statuses(stage)[before.current.kid] == RETIRED
    assert verify(after, ISSUER, token).sub == "U"
    clock.sleep(lifetime(stage.settings) + 1)
    assert after.find(before.current.kid) is None
    rotate(stage, clock)
    assert before.current.kid not in statuses(stage)


def test_each_state_of_a_rotation_understands_the_one_before_and_after(
    stage: keys.Stage, clock: Clock
) -> None:
    """Behaviour 33: containers read at different moments; a token from one is valid at all others."""
    keys.generate(stage, "EdDSA")
    rings = [ring(stage)]
    keys.rotate(stage, wait=False)
    rings.append(ring(stage))
    rotate(stage, clock)
    rings.append(ring(stage))
    for early, late in pairwise(rings):
        for signs, verifies in ((early, late), (late, early)):
            assert verify(verifies, ISSUER, issue(signs, ISSUER, CLAIMS, 60)).sub == "U"


def test_a_rotation_in_single_steps(
    stage: keys.Stage, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """--no-wait does one step, says when the next one is due, and does nothing before."""
    keys.generate(stage, "EdDSA")
    due = time.gmtime(clock.now + propagation(stage.settings))
    for _ in range(2):
        keys.rotate(stage, wait=False)
        assert sorted(statuses(stage).values()) == [CURRENT, NEXT]
        assert time.strftime("may sign from %F %T UTC", due) in capsys.readouterr().out
    published = with_status(stage, NEXT)
    clock.sleep(propagation(stage.settings))
    keys.rotate(stage, wait=False)
    assert with_status(stage, CURRENT) == published


def test_a_rotation_that_was_stopped_goes_on(stage: keys.Stage, clock: Clock) -> None:
    """Ctrl-C while it waits loses nothing, and the time that has passed counts."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    keys.generate(stage, "EdDSA")
    with pytest.raises(KeyboardInterrupt):
        keys.rotate(stage, sleep=interrupt)
    published, started = with_status(stage, NEXT), clock.now
    clock.sleep(500)
    rotate(stage, clock)
    assert (with_status(stage, CURRENT), clock.now - started) == (published, propagation(stage.settings))


def test_a_retired_key_has_no_private_part(stage: keys.Stage, clock: Clock) -> None:
    """A private key that is no longer needed cannot be stolen."""
    keys.generate(stage, "RS256")
    rotate(stage, clock)
    retired = next(entry for entry in stage.read()["signing_keys"] if entry["status"] == RETIRED)
    assert retired.keys() == {"kid", "status", "not_after", "public"}


def test_a_rotation_may_change_algorithm_and_keeper(stage: keys.Stage, clock: Clock) -> None:
    """From a key in the document to one in KMS, and from RS256 to ES256; then like to like."""
    keys.generate(stage, "RS256")
    rotate(stage, clock, algorithm="ES256", kms=True)
    rotate(stage, clock)
    entry = next(entry for entry in stage.read()["signing_keys"] if entry["status"] == CURRENT)
    assert ("kms" in entry, ring(stage).current.algorithm) == (True, "ES256")


def test_a_revoked_key_is_gone_and_another_one_signs(stage: keys.Stage) -> None:
    """Behaviour 33: emergency removal: old tokens are refused, new sign-ins work."""
    keys.generate(stage, "ES256")
    before = ring(stage)
    token = issue(before, ISSUER, CLAIMS, 60)
    keys.revoke_key(stage, before.current.kid)
    after = ring(stage)
    with pytest.raises(InvalidTokenError):
        verify(after, ISSUER, token)
    assert verify(after, ISSUER, issue(after, ISSUER, CLAIMS, 60)).sub == "U"
    assert after.mac_secret == before.mac_secret
    assert after.current.algorithm == "ES256"


def test_in_an_emergency_a_published_key_signs_at_once(stage: keys.Stage) -> None:
    """Containers already know the next key."""
    keys.generate(stage, "EdDSA")
    keys.rotate(stage, wait=False)
    published = with_status(stage, NEXT)
    keys.revoke_key(stage, with_status(stage, CURRENT)[0])
    assert statuses(stage) == {published[0]: CURRENT}


@pytest.mark.parametrize("status", [NEXT, RETIRED])
def test_a_key_that_does_not_sign_can_be_revoked_too(stage: keys.Stage, clock: Clock, status: str) -> None:
    """Nothing else changes."""
    keys.generate(stage, "EdDSA")
    rotate(stage, clock)
    keys.rotate(stage, wait=False)
    current = with_status(stage, CURRENT)
    keys.revoke_key(stage, with_status(stage, status)[0])
    assert (with_status(stage, status), with_status(stage, CURRENT)) == ([], current)


def test_a_revoked_key_of_kms_is_disabled(stage: keys.Stage) -> None:
    """A stolen permission to sign with the key is useless."""
    keys.generate(stage, "ES256", kms=True)
    entry = stage.read()["signing_keys"][0]
    keys.revoke_key(stage, entry["kid"])
    found = AWS.client("kms").describe_key(KeyId=entry["kms"])["KeyMetadata"]
    assert (found["Enabled"], "kms" in stage.read()["signing_keys"][0]) == (False, True)


def test_an_unknown_key_is_refused(stage: keys.Stage) -> None:
    """A typing error in an emergency must not look like success."""
    keys.generate(stage, "EdDSA")
    before = stage.read()
    with pytest.raises(TaskError, match="no key nobody"):
        keys.revoke_key(stage, "nobody")
    assert stage.read() == before


def test_the_list_says_what_each_key_does(
    stage: keys.Stage, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """keys.list, and no private part in it."""
    keys.generate(stage, "EdDSA")
    rotate(stage, clock)
    keys.rotate(stage, "ES256", wait=False)
    capsys.readouterr()
    keys.show(stage)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1:3] for line in lines] == [
        ["EdDSA", "retired:"],
        ["EdDSA", "current:"],
        ["ES256", "next:"],
    ]
    assert not any("PRIVATE" in line for line in lines)


def test_other_secrets_stay(stage: keys.Stage, clock: Clock) -> None:
    """Cursors and captchas outlive every key."""
    keys.generate(stage, "EdDSA")
    stage.store.change(lambda document: {**document, "recaptcha_secret": "captcha"})
    before = stage.read()
    rotate(stage, clock)
    keys.revoke_key(stage, with_status(stage, CURRENT)[0])
    after = stage.read()
    assert (after["recaptcha_secret"], after["mac_secret"]) == ("captcha", before["mac_secret"])


def note(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """An edit that leaves a trace."""
    return lambda document: {**document, name: True}


def test_of_many_changes_at_once_none_is_lost(tmp_path: Path) -> None:
    """A file is replaced under a lock; tests/e2e/test_key_services.py shows it of the services."""
    settings = Settings(stage="dev", secrets=f"file:{tmp_path / 'secrets.json'}")
    stage = keys.Stage(settings, AWS, store_of(settings, AWS))
    keys.generate(stage, "EdDSA")
    names = [str(number) for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: stage.store.change(note(name)), names))
    assert set(names) <= stage.read().keys()


def test_two_rotations_at_once_go_on_with_one_key(stage: keys.Stage, clock: Clock) -> None:
    """The second rotation adopts the first one's key, and no key is lost."""
    keys.generate(stage, "EdDSA")
    other = threading.Event()

    def meanwhile(seconds: float) -> None:
        if not other.is_set():
            other.set()
            rotate(stage, clock)
        clock.sleep(seconds)

    first = with_status(stage, CURRENT)
    keys.rotate(stage, sleep=meanwhile)
    assert sorted(statuses(stage).values()) == [CURRENT, RETIRED]
    assert with_status(stage, RETIRED) == first


def interfering(operation: str, intrude: Callable[[], Any]) -> Callable[[Sent, Forward], Wired]:
    """Make another write right before an operation, once."""
    done: list[bool] = []

    def rule(sent: Sent, forward: Forward) -> Wired:
        if sent.operation == operation and not done:
            done.append(True)
            intrude()
        return forward()

    return rule


def filled(store: Store) -> Store:
    """A store with an empty document in it."""
    _empty()
    assert store.create({"signing_keys": []})
    return store


def test_a_secret_that_changed_meanwhile_is_read_again() -> None:
    """Secrets Manager moves AWSCURRENT only from the version that was read: both changes are there."""
    store = filled(SecretStore(AWS, SECRET))
    other = SecretStore(AWS, SECRET)
    with wire(interfering("PutSecretValue", lambda: other.change(note("other")))):
        store.change(note("mine"))
    assert {"other", "mine"} <= store.read().keys()


def test_a_secret_that_never_rests_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few attempts it says so, and the other's change stands."""
    monkeypatch.setattr("tasks.secret_stores.backoff", lambda *_, **__: None)
    store, other = filled(SecretStore(AWS, SECRET)), SecretStore(AWS, SECRET)
    busy = threading.local()

    def rule(sent: Sent, forward: Forward) -> Wired:
        if sent.operation == "PutSecretValue" and not getattr(busy, "other", False):
            busy.other = True
            other.change(note("other"))
            busy.other = False
        return forward()

    with wire(rule), pytest.raises(TaskError, match="try again"):
        store.change(note("mine"))
    assert store.read().keys() >= {"other"}


def test_a_parameter_is_changed_by_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """SSM has no conditional write: a parameter that can be created once only is the lock."""
    store, other = filled(ParameterStore(AWS, PARAMETER)), ParameterStore(AWS, PARAMETER)
    monkeypatch.setattr("tasks.secret_stores.LOCK_SECONDS", 0)
    found: list[str] = []

    def intrude(document: dict[str, Any]) -> dict[str, Any]:
        with pytest.raises(TaskError, match=r"delete-parameter --name /grail/test/secrets\.lock") as caught:
            other.change(note("other"))
        found.append(str(caught.value))
        return {**document, "mine": True}

    store.change(intrude)
    assert len(found) == 1
    other.change(note("other"))
    assert {"other", "mine"} <= store.read().keys()


def test_the_lock_is_given_back_after_a_fault() -> None:
    """An edit that fails leaves no lock behind."""
    store = filled(ParameterStore(AWS, PARAMETER))
    with pytest.raises(TaskError):
        store.change(lambda _: (_ for _ in ()).throw(TaskError("no")))
    store.change(note("mine"))


def test_a_parameter_that_somebody_wrote_without_the_lock_is_noticed() -> None:
    """A change in the console at the same moment: its version is named, and can be looked up."""
    store = filled(ParameterStore(AWS, PARAMETER))

    def intrude(document: dict[str, Any]) -> dict[str, Any]:
        AWS.client("ssm").put_parameter(Name=PARAMETER, Type="SecureString", Value="{}", Overwrite=True)
        return document

    with pytest.raises(TaskError, match=r"Version 2 .* get-parameter-history"):
        store.change(intrude)


def test_the_key_that_encrypts_a_parameter_stays() -> None:
    """Without the key id, an overwritten parameter would use the account's default key."""
    _empty()
    AWS.client("ssm").put_parameter(
        Name=PARAMETER, Type="SecureString", Value='{"signing_keys": []}', KeyId="alias/mine"
    )
    store = ParameterStore(AWS, PARAMETER)
    with wire() as sent:
        store.change(note("mine"))
    written = [found.body for found in sent if found.body.get("Overwrite")]
    assert [found.get("KeyId") for found in written] == ["alias/mine"]


def test_a_missing_parameter_is_an_error_for_the_user() -> None:
    """One line, and no traceback."""
    _empty()
    settings = Settings(stage="dev", secrets=f"ssm:{PARAMETER}")
    with pytest.raises(ClientError) as caught:
        keys.show(keys.Stage(settings, AWS, store_of(settings, AWS)))
    assert "ParameterNotFound" in explain(caught.value)
