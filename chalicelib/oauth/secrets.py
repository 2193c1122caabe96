"""Random secrets: of 256 bits, so a fast hash is enough to keep them."""

import hashlib
import hmac
import secrets
import time

from chalicelib.oauth.models import OAuth2Client

SECRET_BYTES = 32


def new_secret() -> str:
    """Make 256 random bits as URL-safe text."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """Hash a random secret with SHA-256."""
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()


def client_secret_matches(client: OAuth2Client | None, secret: str) -> bool:
    """Compare a secret with those of a client in constant time; without a client, in vain.

    During the overlap after a rotation the secret before it is good, too.
    """
    given = hash_secret(secret)
    current = (client.secret_hash if client else None) or ""
    previous = (client.previous_secret_hash if client else None) or ""
    until = client.previous_secret_until if client else 0
    matches = hmac.compare_digest(given, current or hash_secret(""))
    overlaps = hmac.compare_digest(given, previous or hash_secret("")) and time.time() < until
    return (bool(current) and matches) or (bool(previous) and overlaps)
