"""Access tokens made by hand, so that each may have exactly one flaw."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.security.keys import SigningKey
from chalicelib.security.signing import LocalSigner
from chalicelib.users.models import User
from tests.target import base_url

DROP = object()  # a value that takes its name away
HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
Changes = Mapping[str, Any]


def b64(data: bytes) -> str:
    """Encode as JWS does."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def changed(base: Changes, changes: Changes) -> dict[str, Any]:
    """Apply changes to a mapping."""
    return {name: value for name, value in {**base, **changes}.items() if value is not DROP}


def foreign_key() -> RSAPrivateKey:
    """Make a key that the stage has never seen."""
    return generate_private_key(public_exponent=65537, key_size=2048)


class Forge:
    """Makes tokens for one user; without any change they are valid.

    :param key: the stage's signing key.
    """

    def __init__(self, key: SigningKey, user: User, client: OAuth2Client) -> None:
        assert isinstance(key.signer, LocalSigner)
        assert isinstance(key.signer.private_key, RSAPrivateKey)
        self.private_key = key.signer.private_key
        now = int(time.time())
        self.header = {"alg": "RS256", "typ": "at+jwt", "kid": key.kid}
        self.claims = {
            "iss": base_url(),
            "aud": base_url(),
            "sub": user.id,
            "exp": now + 600,
            "iat": now,
            "nbf": now,
            "jti": "a-token-made-by-hand",
            "client_id": client.client_id,
            "client_owner": client.user_id,
            "registration": client.registration_id,
            "scope": "users:read",
            "cv": int(user.credentials_version),
        }

    @property
    def public_pem(self) -> bytes:
        """The stage's public key as everybody may know it."""
        return self.private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def signing_input(self, header: Changes, claims: Changes) -> str:
        """Build the first two parts."""
        parts = changed(self.header, header), changed(self.claims, claims)
        return ".".join(b64(json.dumps(part).encode()) for part in parts)

    def token(
        self,
        header: Changes | None = None,
        claims: Changes | None = None,
        *,
        key: RSAPrivateKey | None = None,
        algorithm: str = "RS256",
    ) -> str:
        """Sign with the stage's key, or with another one, by an algorithm that the header may not name."""
        return self.sign(self.signing_input(header or {}, claims or {}), key, algorithm)

    def sign(self, text: str, key: RSAPrivateKey | None = None, algorithm: str = "RS256") -> str:
        """Append an RSA signature to any text."""
        digest = HASHES[algorithm[2:]]
        padding: AsymmetricPadding = PKCS1v15()
        if algorithm.startswith("PS"):
            padding = PSS(mgf=MGF1(digest), salt_length=digest.digest_size)
        return f"{text}.{b64((key or self.private_key).sign(text.encode(), padding, digest))}"

    def hmac_token(self, algorithm: str, secret: bytes, header: Changes | None = None) -> str:
        """Sign with a shared secret, as if the public key were one."""
        text = self.signing_input({"alg": algorithm, **(header or {})}, {})
        digest = hmac.new(secret, text.encode(), getattr(hashlib, f"sha{algorithm[2:]}")).digest()
        return f"{text}.{b64(digest)}"

    def raw(self, header: bytes, payload: bytes) -> str:
        """Sign parts that need not be JSON."""
        return self.sign(f"{b64(header)}.{b64(payload)}")
