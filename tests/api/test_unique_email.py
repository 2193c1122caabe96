"""Changing an e-mail address: its marker moves along, and taken addresses are refused."""

import pytest

from chalicelib.db import keys
from chalicelib.users.models import User
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.support import MakeUser, TokenFor, confirmed, present_keys, replace, stored


def change_email(api: Client, token: str, user: User, address: str) -> Answer:
    """Ask for another address."""
    operations = confirmed(PASSWORD, replace("/email", address))
    return api("PATCH", f"/api/v1/users/{user.id}", token=token, data=operations)


@pytest.mark.parametrize("address", ["admin@test.example", "ADMIN@test.example", "\uff41dmin@test.example"])
def test_a_taken_address_is_409(
    api: Client, admin: User, user: User, token_for: TokenFor, address: str
) -> None:
    """A unique value that is taken, in any spelling, is 409; nothing is written."""
    token, before = token_for(user), stored()
    answer = change_email(api, token, user, address)
    pointers = [entry["pointer"] for entry in answer.json["errors"]]
    assert (answer.status, pointers, stored()) == (409, ["/email"], before)


def test_the_marker_moves_with_the_address(api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 62: after the change there is the new marker and no old one."""
    token = token_for(user)
    change_email(api, token, user, "New@test.example")
    markers = {key for key in present_keys() if key.sk == "EMAIL" and "admin" not in key.pk}
    assert markers == {keys.email("new@test.example")}


def test_the_old_address_is_free_again(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Behaviour 62: somebody else may take what was given up, and its owner may move back and forth."""
    token, other = token_for(user), make_user("other")
    statuses = [
        change_email(api, token, user, "new@test.example").status,
        change_email(api, token_for(other), other, "user@test.example").status,
        change_email(api, token, user, "other@test.example").status,
        change_email(api, token, user, "user@test.example").status,
    ]
    assert statuses == [200, 200, 200, 409]


@pytest.mark.parametrize("address", ["user@test.example", "USER@test.example"])
def test_the_own_address_in_another_spelling_is_fine(
    api: Client, user: User, token_for: TokenFor, address: str
) -> None:
    """The marker stays with its owner when only the spelling changes."""
    token = token_for(user)
    answer = change_email(api, token, user, address)
    assert (answer.status, answer.json["email"]) == (200, address)
    assert keys.email(address) in present_keys()


def test_a_spelling_that_changed_still_protects(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Behaviour 62: after a change of spelling, moving away still takes the one marker along."""
    token = token_for(user)
    for address in ("USER@test.example", "away@test.example"):
        assert change_email(api, token, user, address).status == 200
    assert keys.email("user@test.example") not in present_keys()
