"""The secrets of a stage: signing keys and the secret for MACs, as one JSON document."""

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chalicelib.security.aws import Aws
from chalicelib.security.signing import (
    RSA_BITS,
    KmsSigner,
    LocalSigner,
    PrivateKey,
    PublicKey,
    Signer,
    algorithm_of,
    load_private_key,
    load_public_key,
    thumbprint,
)

MAC_SECRET_BYTES = 32
EDGE_SECRET_LENGTH = 32  # characters; infra/edge.yaml demands as many
NEXT, CURRENT, RETIRED = "next", "current", "retired"


@dataclass(frozen=True)
class SigningKey:
    """One key pair; its type decides the algorithm, so a token's header never does.

    :param signer: None where only the public key is left.
    :param status: next (published, so that all know it before it signs), current (signs) or retired. Each
        of them verifies: a container that reads the document earlier may sign by it already.
    :param not_after: seconds since 1970, when the last token of a retired key has expired.
    """

    kid: str
    public_key: PublicKey
    signer: Signer | None = field(default=None, repr=False)
    status: str = CURRENT
    not_after: int | None = None

    @property
    def algorithm(self) -> str:
        """The name of the JWS algorithm (RFC 7518 §3.1, RFC 8037)."""
        return algorithm_of(self.public_key)

    @property
    def is_published(self) -> bool:
        """Whether it verifies tokens, and stands in the JWK Set."""
        return self.not_after is None or time.time() < self.not_after

    def sign(self, message: bytes) -> bytes:
        """Sign the signing input of a JWS.

        :raises ServiceUnavailableError: AWS KMS, which holds the private key, does not answer.
        """
        if self.signer is None:
            raise LookupError("a key without its private part signs nothing")
        return self.signer.sign(message)


@dataclass(frozen=True)
class Keyring:
    """All secrets of a stage as they were at one moment, by key id."""

    signing_keys: dict[str, SigningKey]
    mac_secret: bytes = field(repr=False)
    recaptcha_secret: str | None = field(default=None, repr=False)
    smtp_login: tuple[str, str] | None = field(default=None, repr=False)
    edge_secret: str | None = field(default=None, repr=False)
    _mac_keys: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def current(self) -> SigningKey:
        """The key that signs."""
        return next(key for key in self.signing_keys.values() if key.status == CURRENT)

    @property
    def published(self) -> list[SigningKey]:
        """The keys that verify."""
        return [key for key in self.signing_keys.values() if key.is_published]

    def find(self, kid: str) -> SigningKey | None:
        """Find the key that verifies what names it."""
        key = self.signing_keys.get(kid)
        return key if key and key.is_published else None

    def mac_key(self, purpose: str) -> bytes:
        """Return the MAC key of one purpose: a seal for one purpose is invalid for all others.

        HKDF-SHA256 (RFC 5869) without a salt, since the secret is random; one block is enough.
        """
        if purpose not in self._mac_keys:
            extracted = hmac.digest(bytes(hashlib.sha256().digest_size), self.mac_secret, hashlib.sha256)
            self._mac_keys[purpose] = hmac.digest(extracted, purpose.encode() + b"\x01", hashlib.sha256)
        return self._mac_keys[purpose]


def read_keyring(text: str, aws: Aws) -> Keyring:
    """Read a document of secrets.

    :raises ValueError: it is unusable; the message shows nothing of it. KeyError, TypeError, AttributeError
        and UnsupportedAlgorithm (of cryptography) mean the same.
    """
    document = json.loads(text)
    entries = document["signing_keys"]
    signing_keys = {entry["kid"]: _signing_key(entry, aws) for entry in entries}
    if len(signing_keys) < len(entries):
        raise ValueError("two signing keys of the same id")
    if [key.status for key in signing_keys.values()].count(CURRENT) != 1:
        raise ValueError("exactly one signing key must be current")
    # Documents that were written before it had other uses call it the cursor key.
    mac_secret = bytes.fromhex(document.get("mac_secret") or document["cursor_key"])
    if len(mac_secret) < MAC_SECRET_BYTES:
        raise ValueError("mac_secret is too short to guard anything")
    login, edge_secret = _login(document.get("smtp")), _edge_secret(document.get("edge_secret"))
    return Keyring(signing_keys, mac_secret, document.get("recaptcha_secret"), login, edge_secret)


def _edge_secret(text: Any) -> str | None:
    if text is not None and not (isinstance(text, str) and len(text) >= EDGE_SECRET_LENGTH):
        raise ValueError("edge_secret is too short to prove anything")
    return text


def _login(entry: dict[str, Any] | None) -> tuple[str, str] | None:
    if entry is None:
        return None
    login = (entry["username"], entry["password"])
    if not all(isinstance(each, str) and each for each in login):
        raise ValueError("username and password for SMTP are texts")
    return login


def _signing_key(entry: dict[str, Any], aws: Aws) -> SigningKey:
    kid, status, not_after = entry["kid"], entry.get("status", CURRENT), entry.get("not_after")
    if not (isinstance(kid, str) and kid) or status not in (NEXT, CURRENT, RETIRED):
        raise ValueError("kid is a text, status is next, current or retired")
    if (type(not_after) is int) != (status == RETIRED):
        raise ValueError("retired keys have a time when they end, others have none")
    public_key, signer = _parts(entry, aws)
    if signer is None and status != RETIRED:
        raise ValueError("a key that is to sign has pem or kms")
    return SigningKey(kid, public_key, signer, status, not_after)


def _parts(entry: dict[str, Any], aws: Aws) -> tuple[PublicKey, Signer | None]:
    if "pem" in entry:
        private_key = load_private_key(entry["pem"])
        return private_key.public_key(), LocalSigner(private_key)
    public_key = load_public_key(entry["public"])
    key_id = entry.get("kms")
    if key_id is None:
        return public_key, None
    if not (isinstance(key_id, str) and key_id):
        raise ValueError("kms is the id or ARN of a key")
    return public_key, KmsSigner(aws, key_id, algorithm_of(public_key))


def new_entry(private_key: PrivateKey, status: str) -> dict[str, Any]:
    """Write a key as the document holds it; its thumbprint is its id."""
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"kid": thumbprint(private_key.public_key()), "status": status, "pem": pem}


def new_secrets(entry: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make a fresh document of secrets.

    :param entry: its signing key, a new one for RS256 by default.
    """
    if entry is None:
        entry = new_entry(generate_private_key(public_exponent=65537, key_size=RSA_BITS), CURRENT)
    return {"signing_keys": [entry], "mac_secret": secrets.token_hex(MAC_SECRET_BYTES)}
