"""The secrets of a stage: signing keys and the cursor key, read once per container."""

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from chalicelib.settings import Settings, SettingsError

RSA_BITS = 2048  # RFC 7518 §3.3: the minimum
CURSOR_KEY_BYTES = 32
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


@dataclass(frozen=True)
class SigningKey:
    """One key pair; its type decides the algorithm, so a token's header never does."""

    kid: str
    private_key: PrivateKey = field(repr=False)

    @property
    def algorithm(self) -> str:
        """Name of the JWS algorithm (RFC 7518 §3.1, RFC 8037)."""
        if isinstance(self.private_key, RSAPrivateKey):
            return "RS256"
        return "ES256" if isinstance(self.private_key, EllipticCurvePrivateKey) else "EdDSA"

    @property
    def public_key(self) -> PublicKey:
        """What verifies the signatures of this key."""
        return self.private_key.public_key()


@dataclass(frozen=True)
class Keyring:
    """All secrets of a stage; the first signing key signs, every one verifies."""

    signing_keys: dict[str, SigningKey]
    cursor_key: bytes = field(repr=False)
    recaptcha_secret: str | None = field(default=None, repr=False)

    @property
    def current(self) -> SigningKey:
        """The key that signs."""
        return next(iter(self.signing_keys.values()))


def load_keyring(settings: Settings) -> Keyring:
    """Read the secrets of a stage; a local stage makes its own on the first run.

    :raises SettingsError: they are absent or unusable: the stage must not start then.
    """
    path = settings.secrets_file
    if path is None:
        raise SettingsError("SECRETS_FILE is missing.")
    if settings.is_local and not path.exists():
        _write_new(path, new_secrets())
    try:
        return _keyring(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{path.name} does not hold usable signing keys.") from error


def new_secrets() -> dict[str, Any]:
    """Make a fresh document of secrets with one RS256 key."""
    private_key = generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "signing_keys": [{"kid": secrets.token_hex(8), "pem": pem}],
        "cursor_key": secrets.token_hex(32),
    }


def _keyring(document: dict[str, Any]) -> Keyring:
    entries = document["signing_keys"]
    signing_keys = {entry["kid"]: _signing_key(entry) for entry in entries}
    if not signing_keys or len(signing_keys) < len(entries):
        raise ValueError("no signing key, or two of the same id")
    cursor_key = bytes.fromhex(document["cursor_key"])
    if len(cursor_key) < CURSOR_KEY_BYTES:
        raise ValueError("the cursor key is too short to guard anything")
    return Keyring(signing_keys, cursor_key, document.get("recaptcha_secret"))


def _signing_key(entry: dict[str, Any]) -> SigningKey:
    kid, pem = entry["kid"], entry["pem"]
    if not (isinstance(kid, str) and kid and isinstance(pem, str)):
        raise ValueError("kid and pem are texts")
    private_key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(private_key, PrivateKey):
        raise ValueError("only RSA, P-256 and Ed25519 keys sign access tokens")  # noqa: TRY004
    if isinstance(private_key, EllipticCurvePrivateKey) and private_key.curve.name != "secp256r1":
        raise ValueError("ES256 needs a P-256 key")
    if isinstance(private_key, RSAPrivateKey) and private_key.key_size < RSA_BITS:
        raise ValueError(f"RS256 needs a key of {RSA_BITS} bits")
    return SigningKey(kid, private_key)


def _write_new(path: Path, document: dict[str, Any]) -> None:
    # Linked into place whole, so that of two processes which start at once both use the first one's keys.
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(document, file)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
