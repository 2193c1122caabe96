"""Password hashing, and what a new password must be."""

import logging
import unicodedata

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from argon2.low_level import hash_secret as argon2_hash

from chalicelib.security.passwords import (
    DUMMY_HASH,
    hash_password,
    is_personal,
    needs_rehash,
    password_flaw,
    verify_password,
)
from chalicelib.text import TooLongError

TEXT = "crème brûlée"


def test_the_stated_parameters_are_used() -> None:
    """Behaviour 35: argon2id, 19 MiB, 2 iterations, 1 lane, in version 0x13."""
    found = extract_parameters(hash_password(TEXT))
    used = (found.type, found.memory_cost, found.time_cost, found.parallelism, found.version)
    assert used == (Type.ID, 19456, 2, 1, 0x13)
    assert (found.salt_len >= 16, found.hash_len >= 32) == (True, True)


def test_salts_differ() -> None:
    """Behaviour 35: equal passwords have different hashes."""
    assert hash_password(TEXT) != hash_password(TEXT)


@pytest.mark.parametrize(
    ("given", "matches"),
    [
        (TEXT, True),
        (unicodedata.normalize("NFD", TEXT), True),
        (TEXT.upper(), False),
        (TEXT + " ", False),
        (TEXT[:-1], False),
        ("", False),
        ("creme brulee", False),
    ],
)
def test_a_password_matches_in_nfc_and_in_nothing_less(given: str, matches: bool) -> None:
    """Behaviour 36: composition does not matter, everything else does."""
    assert verify_password(given, hash_password(TEXT)) is matches


@pytest.mark.parametrize("text", ["x" * 1024, "é" * 512])
def test_the_last_of_1024_bytes_counts(text: str) -> None:
    """Behaviour 36: no truncation within the limit, and nothing passes beyond it."""
    stored = hash_password(text)
    results = [verify_password(given, stored) for given in (text, text[:-1], text[:-1] + "y", text + "y")]
    assert results == [True, False, False, False]


@pytest.mark.parametrize("given", ["a password that nobody has", TEXT, ""])
def test_nobody_has_a_password(given: str) -> None:
    """Behaviour 7: without a stored hash there is no right password, not even the dummy's own."""
    assert verify_password(given, None) is False


def test_nobodys_hash_costs_what_a_new_one_does() -> None:
    """A constant, so that the first unknown name of a process takes no longer than a known one."""
    assert extract_parameters(DUMMY_HASH) == extract_parameters(hash_password(TEXT))


MARKS = "e" + "\u0301" * 31
REFUSED = {"too long": "x" * 1025, "endless": "x" * 5000, "marks": MARKS * 9, "half a pair": "\ud800" * 9}


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("stored", ["a hash", None])
def test_what_no_account_can_have_costs_as_much_as_any_wrong_password(
    monkeypatch: pytest.MonkeyPatch, given: str, stored: str | None
) -> None:
    """One hash with the parameters of every other, whatever was sent."""
    hashed: list[str] = []
    genuine = PasswordHasher.verify

    def spy(self: PasswordHasher, known: str, password: bytes) -> bool:
        hashed.append(known)
        return genuine(self, known, password)

    monkeypatch.setattr(PasswordHasher, "verify", spy)
    assert verify_password(given, stored and GOOD) is False
    assert hashed == [DUMMY_HASH]


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED.keys())
def test_what_no_account_can_have_is_never_hashed(given: str) -> None:
    """A password is stored only after a check for flaws."""
    with pytest.raises(ValueError, match="without flaws"):
        hash_password(given)


GOOD = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(TEXT)


CORRUPT = {
    "empty": "",
    "a letter": "x",
    "the password": TEXT,
    "cut digest": GOOD[:-40],
    "cut salt": GOOD[:30],
    "not ASCII": "$argon2id$é",
    "another algorithm": "$2b$12$" + "a" * 53,
    "padded": GOOD + "=",
    "NUL": "\x00",
}


@pytest.mark.parametrize("stored", CORRUPT.values(), ids=CORRUPT.keys())
def test_a_corrupt_hash_is_a_mismatch_and_an_error_in_the_log(
    caplog: pytest.LogCaptureFixture, stored: str
) -> None:
    """Behaviour 35: it never matches, never raises, and is never silent."""
    matches = verify_password(TEXT, stored)
    assert (matches, [record.levelno for record in caplog.records]) == (False, [logging.ERROR])
    assert caplog.messages == ["a stored password hash is corrupt"]


def test_a_wrong_password_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Behaviour 35: what users do every day is not logged as a fault."""
    assert (verify_password("wrong", GOOD), caplog.records) == (False, [])


def made(memory: int = 19456, iterations: int = 2, lanes: int = 1, kind: Type = Type.ID) -> str:
    """Hash with parameters of another time."""
    return argon2_hash(b"x", b"0" * 16, iterations, memory, lanes, 32, kind).decode()


@pytest.mark.parametrize(
    ("stored", "is_weak"),
    [
        (made(), False),
        (made(memory=19455), True),
        (made(iterations=1), True),
        (made(memory=1024, iterations=1), True),
        (made(memory=65536, iterations=1), True),
        (made(memory=1024, iterations=9), True),
        (made(kind=Type.I), True),
        (made(kind=Type.D), True),
        (made(memory=20000, iterations=3), False),
    ],
)
def test_only_weaker_hashes_are_replaced(stored: str, is_weak: bool) -> None:
    """Behaviour 35: a hash is replaced when parameters grew, never by a weaker one."""
    assert needs_rehash(stored) is is_weak


@pytest.mark.parametrize(
    "text", ["x7!kPq2z", "a" * 63 + "b", "all words are lower", "zy" * 512, "🦉🦊" * 128]
)
def test_length_alone_makes_a_password_good(text: str) -> None:
    """Behaviour 36: 8 characters are enough, 64 and more are allowed, no composition rules."""
    assert password_flaw(text) is None


FLAWS = {
    "at least 8 characters": ["", "seven77", "e\u0301" * 7],
    "one character, repeated": [
        "a" * 8,
        "aAaAaAaA",
        "\u00e9" * 9,
        "e\u0301" * 9,
        "🦉" * 256,
        " " * 8,
        "\x00" * 8,
    ],
    "nothing but blanks": [" \t" * 4, "\x00\x01" * 4, "\u3000 " * 4, "\u200b\u2028" * 9, "\n\r" * 512],
    "most common": ["password", "PASSWORD", "Qwertyuiop"],
    "combining marks": [MARKS * 9],
    "1024 bytes": ["z" * 10_000, "z" * 1025, "🦉" * 257, "é" * 513],
}


@pytest.mark.parametrize(("told", "text"), [(told, text) for told, texts in FLAWS.items() for text in texts])
def test_short_common_and_endless_passwords_are_bad_and_it_is_told_why(told: str, text: str) -> None:
    """Behaviour 36: the length counts composed characters, the limit counts bytes."""
    assert told in (password_flaw(text) or "")


PERSONAL = [
    "ada.lovelace",
    "ADA.LOVELACE",
    "ada.lovelace1815!",
    "...123ada.lovelace",
    "countess@engines.example",
    "Countess@Engines.EXAMPLE99",
    "countess1",
    "(countess)",
    "\u0301countess",
]
OTHERS = [
    "ada-lovelace",
    "lovelace",
    "ada.lovelacex1",
    "engines.example",
    "xcountess",
    "1815181518!",
    "...!!!123",
]


@pytest.mark.parametrize(
    ("given", "is_own"), [*((one, True) for one in PERSONAL), *((one, False) for one in OTHERS)]
)
def test_the_name_and_the_address_of_an_account_are_no_passwords(given: str, is_own: bool) -> None:
    """ASVS 5.0 6.2.11: in any case, and with digits and punctuation around them; other words are fine."""
    assert is_personal(given, "ada.lovelace", "countess@engines.example") is is_own


@pytest.mark.parametrize(("given", "is_own"), [("18151852", True), ("1815-1852", False), ("!!!!!!!!", False)])
def test_a_name_without_letters_is_compared_as_it_is(given: str, is_own: bool) -> None:
    """Otherwise any number would be the same as any other."""
    assert is_personal(given, "18151852", "1@engines.example") is is_own


def test_composed_letters_are_the_same() -> None:
    """However a keyboard composes them."""
    assert is_personal("zoe\u0308-example", "z", "zo\u00eb-example@engines.example")


def test_compatible_letters_are_the_same() -> None:
    """Full-width and mathematical letters are the same to whoever guesses (NFKC)."""
    for given in ("\uff41\uff44\uff41.lovelace", "\U0001d41a\U0001d41d\U0001d41a.lovelace"):
        assert is_personal(given, "ada.lovelace", "countess@engines.example")


def test_the_work_for_a_comparison_is_bounded() -> None:
    """A text that is too long for a password is not compared."""
    with pytest.raises(TooLongError):
        is_personal("x" * 2000, "ada", "ada@engines.example")
