"""Signing keys: create, list, rotate and revoke them where a stage keeps them; some are made by AWS KMS."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from botocore.session import Session
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from chalicelib.security.aws import FAULTS, Aws
from chalicelib.security.keys import CURRENT, NEXT, new_entry, new_secrets
from chalicelib.security.signing import (
    EDDSA,
    ES256,
    RS256,
    RSA_BITS,
    PrivateKey,
    PublicKey,
    algorithm_of,
    thumbprint,
)
from chalicelib.settings import Settings
from tasks.errors import TaskError
from tasks.rotation import (
    Document,
    Entry,
    entry_of,
    lifetime,
    promote,
    propagation,
    public_key_of,
    public_pem,
    publish,
    revoke,
)
from tasks.secret_stores import Store, store_of
from tasks.stages import settings_of

PROGRESS_SECONDS = 30
KMS_SPECS = {RS256: "RSA_2048", ES256: "ECC_NIST_P256", EDDSA: "ECC_NIST_EDWARDS25519"}
TAG = "grail-stage"  # what the policy of a stage's function lets it sign with
ABSENT = ("ParameterNotFound", "ResourceNotFoundException")  # error codes of SSM and Secrets Manager


@dataclass(frozen=True)
class Stage:
    """Where the keys of one stage are."""

    settings: Settings
    aws: Aws
    store: Store

    def read(self) -> Document:
        """Read the document."""
        return self.store.read()


def open_stage(stage: str) -> Stage:
    """Open the source of a stage, with the caller's own credentials."""
    settings, session = settings_of(stage), Session()
    aws = Aws(session, session.get_config_variable("region") or settings.region)
    return Stage(settings, aws, store_of(settings, aws))


def generate(stage: Stage, algorithm: str = RS256, *, kms: bool = False) -> None:
    """Write the first document; never over another one."""
    source = stage.settings.secrets
    entry = None if _exists(stage) else _new_key(stage, algorithm, kms=kms)
    if entry is None or not stage.store.create(new_secrets(entry)):
        raise TaskError(f"{source} holds keys already: keys.rotate brings new ones.")
    print(f"{source} holds a new key for {algorithm}: {entry['kid']}")


def _exists(stage: Stage) -> bool:
    try:
        stage.read()
    except (OSError, ValueError) as error:
        return not isinstance(error, FileNotFoundError)
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return False
        raise
    return True


def show(stage: Stage) -> None:
    """Print the keys, and what each of them does."""
    for entry in stage.read()["signing_keys"]:
        where = entry.get("kms", "document")
        print(f"{entry['kid']}  {algorithm_of(public_key_of(entry)):5}  {_part(stage, entry)}  ({where})")


def _part(stage: Stage, entry: Entry) -> str:
    status = entry.get("status", CURRENT)
    if status == NEXT:
        return f"next: may sign from {_clock(_due(stage, entry))}"
    if status == CURRENT:
        since = f" since {_clock(entry['signs_since'])}" if "signs_since" in entry else ""
        return f"current: signs{since}"
    return f"retired: verifies until {_clock(entry['not_after'])}"


def rotate(
    stage: Stage,
    algorithm: str = "",
    *,
    kms: bool = False,
    wait: bool = True,
    sleep: Callable[[float], Any] = time.sleep,
) -> None:
    """Publish a key, wait until all instances have it, then sign with it.

    An interrupted rotation is resumed by the next call.

    :param algorithm: of the new key, by default that of the present one.
    :param wait: False for only the next step.
    """
    successor = entry_of(stage.read(), NEXT) or _publish(stage, algorithm, kms=kms)
    due = _due(stage, successor)
    if time.time() < due and not wait:
        print(f"It may sign from {_clock(due)}: run keys.rotate again then.")
        return
    _wait_until(due, sleep)
    keep = lifetime(stage.settings)
    document = stage.store.change(lambda found: promote(found, successor["kid"], int(time.time()), keep))
    current = entry_of(document, CURRENT) or {}
    print(f"Signs now: {current.get('kid')}")
    for entry in document["signing_keys"]:
        if "not_after" in entry:
            print(f"Verifies until {_clock(entry['not_after'])}, its private part is removed: {entry['kid']}")
            if "kms" in entry:
                print(f"  then: aws kms schedule-key-deletion --key-id {entry['kms']}")


def _publish(stage: Stage, algorithm: str, *, kms: bool) -> Entry:
    entry = _like_current(stage, stage.read(), algorithm, kms=kms)
    document = stage.store.change(lambda found: publish(found, entry, int(time.time())))
    successor = entry_of(document, NEXT)
    if successor is None:
        raise TaskError("The key was published, but another operator removed it.")
    if successor["kid"] != entry["kid"]:
        _disable(stage, entry)
        print("Another rotation is under way: continuing with its key.")
    print(f"Published: {successor['kid']}")
    return successor


def _due(stage: Stage, entry: Entry) -> int:
    published: int = entry["published"]
    return published + propagation(stage.settings)


def _wait_until(due: int, sleep: Callable[[float], Any]) -> None:
    while (left := due - time.time()) > 0:
        print(f"Known everywhere in {left:.0f} s …", flush=True)
        sleep(min(left, PROGRESS_SECONDS))


def revoke_key(stage: Stage, kid: str) -> None:
    """Remove a key at once, and ensure that another one signs.

    :raises TaskError: there is no such key.
    """
    before = stage.read()

    @cache
    def replacement() -> Entry:
        return _like_current(stage, before, "", kms=False)

    gone = [entry for entry in before["signing_keys"] if entry["kid"] == kid]
    document = stage.store.change(lambda found: revoke(found, kid, int(time.time()), replacement))
    current = entry_of(document, CURRENT) or {}
    seconds = stage.settings.secrets_cache
    print(f"Revoked: {kid}. Its tokens are refused within {seconds} s")
    print(f"(within {propagation(stage.settings)} s where the source can't be read).")
    print(f"Signs now: {current.get('kid')}")
    for entry in gone:
        if _disable(stage, entry):
            print(f"Disabled in KMS: {entry['kms']}")


def _clock(seconds: int) -> str:
    return time.strftime("%F %T UTC", time.gmtime(seconds))


def _new_key(stage: Stage, algorithm: str, *, kms: bool) -> Entry:
    """Make a key.

    :raises TaskError: there is no such algorithm, or KMS refuses.
    """
    if algorithm not in KMS_SPECS:
        raise TaskError(f"--algorithm is one of {', '.join(KMS_SPECS)}.")
    if not kms:
        return new_entry(_private_key(algorithm), CURRENT)
    try:
        return _kms_key(stage.aws.client("kms"), stage.settings.stage, algorithm)
    except FAULTS as error:
        raise TaskError(f"AWS KMS could not create the key: {error}") from error


def _like_current(stage: Stage, document: Document, algorithm: str, *, kms: bool) -> Entry:
    """Create a key of the same kind as the current one, unless options say otherwise."""
    current = entry_of(document, CURRENT) or {}
    name = algorithm or algorithm_of(public_key_of(current))
    return _new_key(stage, name, kms=kms or "kms" in current)


def _private_key(algorithm: str) -> PrivateKey:
    if algorithm == RS256:
        return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    if algorithm == ES256:
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def _kms_key(kms: Any, stage: str, algorithm: str) -> Entry:
    made = kms.create_key(
        KeySpec=KMS_SPECS[algorithm],
        KeyUsage="SIGN_VERIFY",
        Description=f"Signs Grail's access tokens ({stage})",
        Tags=[{"TagKey": TAG, "TagValue": stage}],
    )
    arn = made["KeyMetadata"]["Arn"]
    # Kept in the document, so that a cold start sends no request to KMS.
    key = load_der_public_key(kms.get_public_key(KeyId=arn)["PublicKey"])
    assert isinstance(key, PublicKey)  # noqa: S101 - of one of the three kinds asked for above
    return {"kid": thumbprint(key), "status": CURRENT, "kms": arn, "public": public_pem(key)}


def _disable(stage: Stage, entry: Entry) -> bool:
    """Disable a key in KMS, so that nobody can sign with it; False if KMS does not hold it."""
    if "kms" not in entry:
        return False
    try:
        stage.aws.client("kms").disable_key(KeyId=entry["kms"].rpartition("/")[2])
    except FAULTS as error:
        raise TaskError(f"The key is out of the document, but KMS did not disable it: {error}") from error
    return True
