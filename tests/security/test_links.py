"""What opens a link that was sent by letter."""

import secrets

import pytest

from chalicelib.db import keys
from chalicelib.security.keys import Keyring
from chalicelib.security.links import link_of, token_of


@pytest.fixture
def keyring() -> Keyring:
    return Keyring({}, secrets.token_bytes(32))


@pytest.mark.parametrize("ids", [1, 2])
def test_a_token_opens_its_link(keyring: Keyring, ids: int) -> None:
    """The id comes back, with that of the account if it has one."""
    link_id = "".join(keys.new_id() for _ in range(ids))
    assert link_of(keyring, token_of(keyring, link_id)) == link_id


def test_a_token_with_one_character_changed_opens_nothing(keyring: Keyring) -> None:
    """At any of its places."""
    token = token_of(keyring, keys.new_id())
    for place, character in enumerate(token):
        other = "1" if character != "1" else "2"
        assert link_of(keyring, token[:place] + other + token[place + 1 :]) is None


def test_a_token_opens_no_part_of_its_link(keyring: Keyring) -> None:
    """The MAC is of both ids: one of them alone, or another account's, opens nothing."""
    owner, own = keys.new_id(), keys.new_id()
    token = token_of(keyring, owner + own)
    assert link_of(keyring, token.removeprefix(owner)) is None
    assert link_of(keyring, keys.new_id() + token.removeprefix(owner)) is None


@pytest.mark.parametrize("token", ["", "0", "é" * 69, "0" * 69, "0" * 95, "0" * 10_000])
def test_what_is_no_token_opens_nothing(keyring: Keyring, token: str) -> None:
    """Nor does it raise anything."""
    assert link_of(keyring, token) is None


def test_the_keys_of_another_stage_open_nothing(keyring: Keyring) -> None:
    """Links hold for the stage that made them."""
    assert link_of(Keyring({}, secrets.token_bytes(32)), token_of(keyring, keys.new_id())) is None
