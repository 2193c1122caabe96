"""New keys: made here, or by AWS KMS, which never gives the private part away."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from chalicelib.security.aws import FAULTS, Aws
from chalicelib.security.jwk import thumbprint
from chalicelib.security.keys import CURRENT, new_entry
from chalicelib.security.signing import EDDSA, ES256, RS256, RSA_BITS, PrivateKey, PublicKey, algorithm_of
from tasks.errors import TaskError
from tasks.rotation import Document, Entry, entry_of, public_key_of, public_pem

KMS_SPECS = {RS256: "RSA_2048", ES256: "ECC_NIST_P256", EDDSA: "ECC_NIST_EDWARDS25519"}
TAG = "grail-stage"  # what the policy of a stage's function lets it sign with


def new_key(aws: Aws, stage: str, algorithm: str, *, kms: bool) -> Entry:
    """Make a key.

    :param stage: whose function may sign with it, where KMS keeps it.
    :raises TaskError: there is no such algorithm, or KMS refuses.
    """
    if algorithm not in KMS_SPECS:
        raise TaskError(f"--algorithm is one of {', '.join(KMS_SPECS)}.")
    if not kms:
        return new_entry(_private_key(algorithm), CURRENT)
    try:
        return _kms_key(aws.client("kms"), stage, algorithm)
    except FAULTS as error:
        raise TaskError(f"AWS KMS could not create the key: {error}") from error


def like_current(aws: Aws, stage: str, document: Document, algorithm: str, *, kms: bool) -> Entry:
    """Create a key of the same kind as the current one, unless options say otherwise."""
    current = entry_of(document, CURRENT) or {}
    name = algorithm or algorithm_of(public_key_of(current))
    return new_key(aws, stage, name, kms=kms or "kms" in current)


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


def disable(aws: Aws, entry: Entry) -> bool:
    """Disable a key in KMS, so that nobody can sign with it; False if KMS does not hold it."""
    if "kms" not in entry:
        return False
    try:
        aws.client("kms").disable_key(KeyId=entry["kms"].rpartition("/")[2])
    except FAULTS as error:
        raise TaskError(f"The key is out of the document, but KMS did not disable it: {error}") from error
    return True
