"""Codes and their verifiers by themselves; tests/api has the grant."""

import pytest

from chalicelib.db import keys
from chalicelib.oauth.authorize.models import AuthorizationCode, parse_code
from chalicelib.oauth.secrets import hash_secret
from tests.api.code_tools import challenge_of

USER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SECRET = "aB-_" * 10 + "xyz"
# RFC 7636 appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def verifies(verifier: str, challenge: str = CHALLENGE) -> bool:
    """Check a verifier against a challenge."""
    return AuthorizationCode(code_challenge=challenge).is_verified_by(verifier)


def test_the_example_of_the_rfc_verifies() -> None:
    """Behaviour 34: S256 as RFC 7636 appendix B computes it."""
    assert verifies(VERIFIER)


@pytest.mark.parametrize(
    "verifier", [VERIFIER.lower(), VERIFIER[:-1], VERIFIER + "A", VERIFIER + "=", CHALLENGE, "", "é" * 43]
)
def test_no_other_verifier_does(verifier: str) -> None:
    """Behaviour 34: not even the challenge itself, which the browser has seen."""
    assert not verifies(verifier)


@pytest.mark.parametrize(
    ("verifier", "is_long_enough"),
    [("v" * 42, False), ("v" * 43, True), ("v" * 128, True), ("v" * 129, False), ("v" * 42 + " ", False)],
)
def test_a_verifier_has_43_to_128_unreserved_characters(verifier: str, is_long_enough: bool) -> None:
    """RFC 7636 §4.1: what is easy to guess is refused, though the digest fits."""
    assert verifies(verifier, challenge_of(verifier)) is is_long_enough


def test_a_code_says_where_to_look() -> None:
    """The user's id comes first; the rest is a secret of 256 bits."""
    text = f"{USER}.{SECRET}"
    assert parse_code(text) == (USER, keys.authorization_code(USER, hash_secret(text)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        USER,
        f"{USER}.",
        f"{USER}.{SECRET[:-1]}",
        f"{USER}.{SECRET}x",
        f"{USER}.{SECRET}\n",
        f"{USER}.{SECRET[:-1]}é",
        f"{USER}{SECRET}",
        f"{USER}-{SECRET}",
        f"{USER[:-1]}.{SECRET}",
        f"{USER.lower()}.{SECRET}",
        f"{USER}.{USER}.{SECRET}",
    ],
)
def test_what_can_be_no_code_is_none(text: str) -> None:
    """Behaviour 34: refused before anything is read."""
    assert parse_code(text) is None
