"""Refresh tokens by themselves: their form, and when their family is alive; tests/api has the grant."""

import pytest

from chalicelib.db import keys
from chalicelib.oauth.secrets import hash_secret
from chalicelib.oauth.tokens.families import RefreshToken, is_alive, is_current, parse_refresh_token
from chalicelib.oauth.tokens.models import TokenFamily

USER, FAMILY = "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW"
SECRET = "aB-_" * 10 + "xyz"
TEXT = f"{USER}.{FAMILY}.{SECRET}"
NOW = 1_000_000


def test_a_token_says_where_to_look() -> None:
    """User and family come first; the rest is a secret of 256 bits."""
    assert parse_refresh_token(TEXT) == RefreshToken(TEXT, USER, FAMILY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{USER}.{FAMILY}",
        f"{USER}.{FAMILY}.",
        f"{USER}.{SECRET}",
        TEXT[:-1],
        TEXT + "x",
        TEXT + "\n",
        TEXT[:-1] + "é",
        TEXT.lower(),
        TEXT.replace(".", "-"),
        f"{USER}.{TEXT}",
    ],
)
def test_what_can_be_no_token_is_none(text: str) -> None:
    """Behaviour 20: refused before anything is read."""
    assert parse_refresh_token(text) is None


@pytest.mark.parametrize(
    ("idle", "absolute", "is_revoked", "alive"),
    [
        (NOW + 1, NOW + 1, False, True),
        (NOW, NOW + 1, False, False),
        (NOW + 1, NOW, False, False),
        (NOW + 1, NOW + 1, True, False),
    ],
)
def test_a_family_is_alive_until_its_first_end(
    idle: int, absolute: int, is_revoked: bool, alive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behaviour 25: idle, absolute and revocation, to the second."""
    monkeypatch.setattr("time.time", lambda: NOW)
    family = TokenFamily(idle_until=idle, absolute_until=absolute, is_revoked=is_revoked)
    assert is_alive(family) is alive


def test_a_family_expects_one_token() -> None:
    """Behaviour 20, 28: a token is recognized only by the hash of all of it."""
    token, other = parse_refresh_token(TEXT), parse_refresh_token(TEXT[:-1] + "Z")
    assert token
    assert other
    family = TokenFamily(token_hash=hash_secret(TEXT))
    assert [is_current(family, found) for found in (token, other)] == [True, False]


def test_a_used_token_is_marked_among_its_user_s_items() -> None:
    """docs/data.md: the marks of all users in one partition would share its 1,000 writes a second."""
    token = parse_refresh_token(TEXT)
    assert token
    assert token.used_key == keys.used_refresh_token(USER, hash_secret(TEXT))
