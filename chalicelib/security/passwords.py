"""Passwords: argon2id hashes, and what a new password must be."""

import logging
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MEMORY_COST = 19456  # KiB (OWASP Password Storage: argon2id m=19456 t=2 p=1)
TIME_COST = 2  # iterations
PARALLELISM = 1  # lanes
MIN_LENGTH = 8  # characters (ASVS 5.0 6.2.1)
MAX_BYTES = 1024  # of UTF-8, looked at before any hashing

log = logging.getLogger("grail.passwords")


@cache
def _hasher() -> "PasswordHasher":
    # Cold start: only sign-in, sign-up and password changes need argon2.
    from argon2 import PasswordHasher  # noqa: PLC0415

    return PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_COST, parallelism=PARALLELISM)


@cache
def _dummy_hash() -> str:
    return _hasher().hash("a password that nobody has")


@cache
def _common() -> frozenset[str]:
    return frozenset(Path(__file__).with_name("common_passwords.txt").read_text("utf-8").split("\n"))


def _bytes(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8")


def hash_password(password: str) -> str:
    """Hash a password in NFC with argon2id (RFC 9106) and a random salt of 16 bytes."""
    return _hasher().hash(_bytes(password))


def verify_password(password: str, stored: str | None) -> bool:
    """Compare a password with a stored hash; without one the same work is done, in vain.

    A stored hash that is corrupt is a mismatch, and an error in the log.
    """
    # Cold start, as above.
    from argon2.exceptions import VerificationError, VerifyMismatchError  # noqa: PLC0415

    given = _bytes(password)
    against = stored if stored is not None and len(given) <= MAX_BYTES else _dummy_hash()
    try:
        matches = _hasher().verify(against, given[:MAX_BYTES])
    except VerifyMismatchError:
        return False
    except (VerificationError, ValueError):  # not decodable; no hash at all, or not even ASCII
        log.exception("a stored password hash is corrupt")
        return False
    return matches if against is stored else False


def needs_rehash(stored: str) -> bool:
    """Tell whether a hash that verified is weaker than today's parameters; a stronger one stays."""
    # Cold start, as above.
    from argon2 import Type, extract_parameters  # noqa: PLC0415

    found = extract_parameters(stored)
    return found.type is not Type.ID or found.memory_cost < MEMORY_COST or found.time_cost < TIME_COST


def password_flaw(password: str) -> str | None:
    """Say what is wrong with a new password; None if nothing is.

    There are no composition rules (ASVS 5.0 6.2.5); length, size and commonness decide.
    """
    if len(_bytes(password)) > MAX_BYTES:
        return f"A password may have {MAX_BYTES} bytes of UTF-8 at the most."
    if len(unicodedata.normalize("NFC", password)) < MIN_LENGTH:
        return f"A password has at least {MIN_LENGTH} characters."
    if password.casefold() in _common():
        return "This password is one of the most common ones: choose another."
    return None
