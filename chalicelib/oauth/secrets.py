"""Random secrets: of 256 bits, so a fast hash is enough to keep them."""

import hashlib
import hmac
import secrets
import time

from chalicelib.oauth.models import OAuth2Client

SECRET_BYTES = 32
NO_HASH = "-" * 64  # as long as a hash, and never one


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
    stored = (client.secret_hash, client.previous_secret_hash) if client else (None, None)
    current, previous = (found or NO_HASH for found in stored)
    matches, matched = hmac.compare_digest(given, current), hmac.compare_digest(given, previous)
    return matches or (matched and client is not None and time.time() < client.previous_secret_until)
