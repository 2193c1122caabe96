"""Passwords: argon2id hashes, and what a new password must be."""

import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.text import ManyMarksError, TooLongError, fold, nfc

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MEMORY_COST = 19456  # KiB (OWASP Password Storage: argon2id m=19456 t=2 p=1)
TIME_COST = 2  # iterations
PARALLELISM = 1  # lanes
MIN_LENGTH = 8  # characters (ASVS 5.0 6.2.1)
MAX_BYTES = 1024  # of UTF-8 in NFC, looked at before any hashing

TOO_LONG = f"A password may have at most {MAX_BYTES} bytes of UTF-8."
# Of random bytes, by today's parameters: what an unknown username is compared with.
DUMMY_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$Cf3v4vwL47wsAyDvALc4dg$kgaiFLSqV+hMKDrIUOxQ0lhTwgVSwlIakSjsPSf/uFE"
)

log = logging.getLogger("grail.passwords")


@cache
def _hasher() -> "PasswordHasher":
    # Cold start: only sign-in, sign-up and password changes need argon2.
    from argon2 import PasswordHasher  # noqa: PLC0415

    return PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_COST, parallelism=PARALLELISM)


@cache
def _common() -> frozenset[str]:
    return frozenset(Path(__file__).with_name("common_passwords.txt").read_text("utf-8").split("\n"))


def _bytes(password: str) -> bytes | None:
    """Return what is hashed of a password; None if it is longer than any that an account can have."""
    try:
        data = nfc(password, MAX_BYTES).encode("utf-8")
    except ValueError:  # too long, not stream-safe, or with half of a surrogate pair
        return None
    return data if len(data) <= MAX_BYTES else None


def hash_password(password: str) -> str:
    """Hash a password in NFC with argon2id (RFC 9106) and a random salt of 16 bytes.

    :raises ValueError: no account can have it.
    """
    data = _bytes(password)
    if data is None:
        raise ValueError("a password without flaws is hashed, no other")
    return _hasher().hash(data)


def verify_password(password: str, stored: str | None) -> bool:
    """Compare a password with a stored hash; without one, do the same work for the same time.

    A stored hash that is corrupt is a mismatch, and an error in the log.
    """
    # Cold start, as above.
    from argon2.exceptions import VerificationError, VerifyMismatchError  # noqa: PLC0415

    given = _bytes(password)
    against = DUMMY_HASH if stored is None or given is None else stored
    try:
        matches = _hasher().verify(against, given or b"")
    except VerifyMismatchError:
        return False
    except (VerificationError, ValueError):  # not decodable; no hash at all, or not even ASCII
        log.exception("a stored password hash is corrupt")
        return False
    return matches if against is stored else False


def needs_rehash(stored: str) -> bool:
    """Whether a hash that verified is weaker than today's parameters; a stronger one stays."""
    # Cold start, as above.
    from argon2 import Type, extract_parameters  # noqa: PLC0415

    found = extract_parameters(stored)
    return found.type is not Type.ID or found.memory_cost < MEMORY_COST or found.time_cost < TIME_COST


def password_flaw(password: str) -> str | None:
    """Return what is wrong with a new password; None if nothing is.

    There are no composition rules (ASVS 5.0 6.2.5); length, size and commonness decide.
    """
    try:
        text = nfc(password, MAX_BYTES)
    except TooLongError:
        return TOO_LONG
    except ManyMarksError as error:
        return str(error)
    if len(text.encode("utf-8")) > MAX_BYTES:
        return TOO_LONG
    if len(text) < MIN_LENGTH:
        return f"A password has at least {MIN_LENGTH} characters."
    return _weakness(text)


def _weakness(text: str) -> str | None:
    if text.casefold() in _common():
        return "This password is one of the most common ones: choose another."
    if len(set(text.casefold())) == 1:
        return "This password is one character, repeated: choose another."
    if not any(character.isprintable() and not character.isspace() for character in text):
        return "This password has nothing but blanks and control characters: choose another."
    return None


def is_personal(password: str, username: str, email: str) -> bool:
    """Whether a password is the username or the email address of its account (ASVS 5.0 6.2.11).

    Case and compatibility forms (NFKC) do not matter, nor do digits and punctuation at either end.

    :param password: one that `password_flaw` has passed: its length is bounded.
    """
    own = (username, email, email.partition("@")[0])
    return _core(password) in {_core(text) for text in own}


def _core(text: str) -> str:
    folded = fold(text, MAX_BYTES)
    edge = "".join({character for character in folded if not character.isalpha()})
    return folded.strip(edge) or folded
