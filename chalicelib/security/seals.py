"""Texts that travel through a caller's hands and come back unchanged, or are refused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence

MAC_BYTES = 16


def seal(key: bytes, purpose: Sequence[str | None], text: str) -> str:
    """Seal a text: it stays readable, but cannot be changed or used for another purpose.

    :param key: of the keyring (`Keyring.mac_key`).
    :param purpose: what it is for; it opens for the same purpose only.
    """
    sealed = _mac(key, purpose, text) + text.encode()
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def unseal(key: bytes, purpose: Sequence[str | None], sealed: str) -> str | None:
    """Return the text; None if it was changed, made up, or sealed for something else."""
    try:
        data = base64.urlsafe_b64decode(sealed + "==")  # what is more than needed is ignored
        text = data[MAC_BYTES:].decode()
        # Compared as text: of several base64 spellings of the same bytes only ours is genuine.
        genuine = hmac.compare_digest(seal(key, purpose, text).encode(), sealed.encode())
    except ValueError:
        return None
    return text if genuine else None


def _mac(key: bytes, purpose: Sequence[str | None], text: str) -> bytes:
    # JSON keeps the parts apart: whatever callers put into one of them, it can't pass for another.
    message = json.dumps([*purpose, text]).encode()
    return hmac.digest(key, message, hashlib.sha256)[:MAC_BYTES]
