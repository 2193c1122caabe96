"""GET /users?username= and ?email=: admins find an account by what it is known by."""

import pytest

from chalicelib.db import keys
from chalicelib.db.unique import UniqueName
from chalicelib.users.models import User
from tests.api.expected_fields import LISTED_USER
from tests.conftest import PASSWORD
from tests.http import Client
from tests.support import MakeUser, TokenFor

USERS = "/api/v1/users"


@pytest.fixture
def ada(api: Client, admin: User, token_for: TokenFor) -> str:
    """The id of an account that was made by the API, among others."""
    for name in ("adam", "ada", "adan"):
        body = {"username": name, "email": f"{name}+x@test.example", "password": PASSWORD}
        answer = api("POST", USERS, token=token_for(admin), data=body)
        assert answer.status == 201, answer.body
        if name == "ada":
            found: str = answer.json["id"]
    return found


@pytest.mark.parametrize(
    "query",
    [
        "username=ada",
        "username=ADA",
        "email=ada%2Bx@test.example",
        "email=Ada%2BX@TEST.example",
        "username=ada&email=ada%2Bx@test.example",
        "username=ada&limit=1&offset=0",
    ],
)
def test_an_account_is_found(api: Client, ada: str, admin: User, token_for: TokenFor, query: str) -> None:
    """As unique as the name is, so is the answer: one account, in any case, of as many as there are."""
    answer = api("GET", f"{USERS}?{query}", token=token_for(admin))
    assert [each["id"] for each in answer.json] == [ada]
    assert set(answer.json[0]) == LISTED_USER
    assert (answer.headers["x-total-count"], "link" in answer.headers) == ("1", False)


@pytest.mark.parametrize(
    "query",
    ["username=ad", "username=adaa", "email=nobody@test.example", "username=ada&email=adam%2Bx@test.example"],
)
def test_nobody_is_found_by_another_name(
    api: Client, ada: str, admin: User, token_for: TokenFor, query: str
) -> None:
    """A part of a name finds nothing, nor do the name of one account and the address of another."""
    answer = api("GET", f"{USERS}?{query}", token=token_for(admin))
    assert (answer.status, answer.json, answer.headers["x-total-count"]) == (200, [], "0")


def test_an_offset_goes_beyond_the_only_one(api: Client, ada: str, admin: User, token_for: TokenFor) -> None:
    """As in every list."""
    answer = api("GET", f"{USERS}?username=ada&offset=1", token=token_for(admin))
    assert (answer.json, answer.headers["x-total-count"]) == ([], "1")


def test_an_address_that_was_given_up_finds_nobody(
    api: Client, admin: User, user: User, token_for: TokenFor
) -> None:
    """The marker leads to an account that has another address by now."""
    UniqueName.of(user, keys.email("old@test.example")).save()
    assert api("GET", f"{USERS}?email=old@test.example", token=token_for(admin)).json == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("username=a%20b", "username"),
        (f"username={'a' * 81}", "username"),
        ("username=", "username"),
        ("email=ada", "email"),
        ("email=", "email"),
        (f"email={'a' * 120}@test.example", "email"),
        ("username=ada&username=adam", "username"),
        ("username=ada&cursor=abc", "cursor"),
    ],
)
def test_what_can_be_no_name_is_422(
    api: Client, admin: User, token_for: TokenFor, query: str, parameter: str
) -> None:
    """It would find nobody: a mistake rather than a question."""
    answer = api("GET", f"{USERS}?{query}", token=token_for(admin))
    assert (answer.status, [each["parameter"] for each in answer.json["errors"]]) == (422, [parameter])


def test_only_admins_look_accounts_up(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Whether an address has an account is nobody else's business; oneself is no exception."""
    make_user("other")
    for name in ("user", "other", "nobody"):
        assert api("GET", f"{USERS}?username={name}", token=token_for(user)).status == 403
