"""Client secrets by themselves; tests/api has their rotation."""

import pytest

from chalicelib.oauth.clients.authenticate import client_secret_matches
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.secrets import hash_secret, new_secret

NOW = 1_000_000


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still."""
    monkeypatch.setattr("time.time", lambda: NOW)


def client(current: str | None, previous: str | None = None, until: int = 0) -> OAuth2Client:
    """A client with these secrets; stored nowhere."""
    return OAuth2Client(
        secret_hash=hash_secret(current) if current is not None else None,
        previous_secret_hash=hash_secret(previous) if previous is not None else None,
        previous_secret_until=until,
    )


@pytest.mark.parametrize(
    ("known", "given", "matches"),
    [
        (client("new"), "new", True),
        (client("new"), "old", False),
        (client("new", "old", NOW + 1), "new", True),
        (client("new", "old", NOW + 1), "old", True),
        (client("new", "old", NOW), "old", False),
        (client("new", "old", NOW), "new", True),
        (client("new", "old", NOW + 1), "else", False),
        (client(None, "old", NOW + 1), "old", True),
    ],
)
def test_the_present_secret_matches_and_the_one_before_during_the_overlap(
    known: OAuth2Client, given: str, matches: bool
) -> None:
    """Behaviour 11: at most two, and the older one only until it expires."""
    assert client_secret_matches(known, given) is matches


@pytest.mark.parametrize("known", [client(None), client("new"), client("new", "old", NOW + 1)])
@pytest.mark.parametrize("given", ["", "x", "XXXX"])
def test_without_a_secret_nothing_matches(known: OAuth2Client, given: str) -> None:
    """Behaviour 8, 11: neither a client without secrets nor an empty one, though the same work is done."""
    assert client_secret_matches(known, given) is False


def test_secrets_have_256_bits_and_are_kept_as_sha_256() -> None:
    """43 characters of base64; the hash of FIPS 180-4's example, written by hand."""
    found = {new_secret() for _ in range(20)}
    assert (len(found), {len(secret) for secret in found}) == (20, {43})
    assert hash_secret("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
