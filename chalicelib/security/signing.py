"""Keys of access tokens: they sign in this process or in AWS KMS, and are published (RFC 7517)."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt import get_algorithm_by_name
from jwt.utils import base64url_encode, der_to_raw_signature

from chalicelib.errors import ServiceUnavailableError
from chalicelib.security.aws import FAULTS, Aws

RSA_BITS = 2048  # RFC 7518 §3.3: the minimum
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
RS256, ES256, EDDSA = "RS256", "ES256", "EdDSA"
# What a public key consists of (RFC 7518 §6, RFC 8037 §2): nothing else is ever published.
MEMBERS = {RS256: ("e", "kty", "n"), ES256: ("crv", "kty", "x", "y"), EDDSA: ("crv", "kty", "x")}
KMS_ALGORITHMS = {RS256: "RSASSA_PKCS1_V1_5_SHA_256", ES256: "ECDSA_SHA_256", EDDSA: "ED25519_SHA_512"}


class Signer(Protocol):
    """Makes the signatures of one key."""

    def sign(self, message: bytes) -> bytes:
        """Sign the signing input of a JWS (RFC 7515 §5.1), in the form that its algorithm has there.

        :raises ServiceUnavailableError: AWS KMS, which holds the key, does not answer.
        """
        ...


@dataclass(frozen=True)
class LocalSigner:
    """Signs by a private key in this process."""

    private_key: PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """Sign; see Signer."""
        algorithm: Any = get_algorithm_by_name(algorithm_of(self.private_key.public_key()))
        signature: bytes = algorithm.sign(message, self.private_key)
        return signature


@dataclass(frozen=True)
class KmsSigner:
    """Signs by an asymmetric key of AWS KMS.

    :param key_id: id or ARN of the key; an alias could be moved to another key.
    """

    aws: Aws = field(repr=False)
    key_id: str
    algorithm: str

    def sign(self, message: bytes) -> bytes:
        """Sign; see Signer. The message goes there as it is: tokens are shorter than KMS's 4096 bytes."""
        try:
            answer = self.aws.client("kms").sign(
                KeyId=self.key_id,
                Message=message,
                MessageType="RAW",
                SigningAlgorithm=KMS_ALGORITHMS[self.algorithm],
            )
        except FAULTS as error:
            raise ServiceUnavailableError from error
        signature: bytes = answer["Signature"]
        # KMS writes ECDSA signatures as DER (RFC 3279 §2.2.3), JWS wants r and s in a row (RFC 7518 §3.4).
        return der_to_raw_signature(signature, SECP256R1()) if self.algorithm == ES256 else signature


def algorithm_of(key: PublicKey) -> str:
    """Return the one JWS algorithm of a key (RFC 7518 §3.1, RFC 8037 §3.1): its type decides."""
    if isinstance(key, RSAPublicKey):
        return RS256
    return ES256 if isinstance(key, EllipticCurvePublicKey) else EDDSA


def load_private_key(pem: str) -> PrivateKey:
    """Read a private key.

    :raises ValueError: it is not a key, or not one that may sign here.
    """
    # Checking the primes takes 40 ms of every cold start; whoever could change them, could take another key.
    key = load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, PrivateKey):
        raise ValueError("only RSA, P-256 and Ed25519 keys sign access tokens")  # noqa: TRY004
    _check(key.public_key())
    return key


def load_public_key(pem: str) -> PublicKey:
    """Read a public key.

    :raises ValueError: it is not a key, or not one that may verify here.
    """
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, PublicKey):
        raise ValueError("only RSA, P-256 and Ed25519 keys verify access tokens")  # noqa: TRY004
    _check(key)
    return key


def _check(key: PublicKey) -> None:
    if isinstance(key, EllipticCurvePublicKey) and key.curve.name != "secp256r1":
        raise ValueError("ES256 needs a P-256 key")
    if isinstance(key, RSAPublicKey) and key.key_size < RSA_BITS:
        raise ValueError(f"RS256 needs a key of {RSA_BITS} bits")


def thumbprint(key: PublicKey) -> str:
    """Return the SHA-256 thumbprint of a key (RFC 7638 §3), which makes a unique key id."""
    text = json.dumps(_members(key), sort_keys=True, separators=(",", ":"))
    return base64url_encode(hashlib.sha256(text.encode()).digest()).decode()


def as_jwk(kid: str, key: PublicKey) -> dict[str, str]:
    """Write a key that verifies signatures."""
    return {"kid": kid, "use": "sig", "alg": algorithm_of(key), **_members(key)}


def _members(key: PublicKey) -> dict[str, str]:
    name = algorithm_of(key)
    algorithm: Any = get_algorithm_by_name(name)
    found: dict[str, Any] = algorithm.to_jwk(key, as_dict=True)
    return {member: str(found[member]) for member in MEMBERS[name]}
