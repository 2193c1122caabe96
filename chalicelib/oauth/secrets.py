"""Random secrets: of 256 bits, so a fast hash is enough to keep them."""

import hashlib
import secrets

SECRET_BYTES = 32


def new_secret() -> str:
    """Make 256 random bits as URL-safe text."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """Hash a random secret with SHA-256."""
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()
