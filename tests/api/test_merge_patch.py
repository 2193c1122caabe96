"""JSON Merge Patch over the public view: the policy of the JSON Patch, and no way around it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.support import MakeClient, TokenFor, dump_table

TYPE = {"Content-Type": "application/merge-patch+json"}
Merge = Callable[..., Answer]
CONFIRMED = {"current_password": PASSWORD}


@pytest.fixture
def account(make_user: Callable[..., User]) -> User:
    """An account with every name filled in."""
    return make_user("user", first_name="Ada", middle_name="King", last_name="Lovelace")


@pytest.fixture
def merge(api: Client, account: User, token_for: TokenFor) -> Merge:
    """Patch the account, as itself or as another."""

    def send(patch: Any, by: User = account, raw: bytes | None = None) -> Answer:
        body = json.dumps(patch).encode() if raw is None else raw
        return api("PATCH", f"/api/v1/users/{account.id}", token=token_for(by), raw=body, headers=TYPE)

    return send


def test_members_are_replaced_and_removed(merge: Merge) -> None:
    """A value replaces, null removes, and what is absent stays (RFC 7396 §1)."""
    answer = merge({"first_name": "Grace", "middle_name": None})
    names = [answer.json[name] for name in ("first_name", "middle_name", "last_name")]
    assert (answer.status, names) == (200, ["Grace", "", "Lovelace"])


def test_an_empty_patch_changes_nothing(merge: Merge) -> None:
    """The answer shows the present version."""
    first, second = merge({}), merge({"first_name": "Ada"})
    assert (first.status, first.headers["etag"]) == (200, second.headers["etag"])


@pytest.mark.parametrize("change", [{"email": "new@test.example"}, {"password": "another horse battery"}])
def test_what_needs_the_password_needs_it_here(merge: Merge, change: dict[str, Any]) -> None:
    """Absent it is 422 that says what to add, wrong 403; with it the change is made."""
    before = dump_table()
    answer = merge(change)
    assert (answer.status, "current_password" in answer.json["detail"]) == (422, True)
    assert answer.json["errors"][0]["pointer"] == f"/{next(iter(change))}"
    assert [item for item in before if item not in dump_table()] == []
    assert merge({**change, "current_password": "a guess"}).status == 403
    assert merge({**change, "current_password": None}).status == 403
    assert merge({**change, **CONFIRMED}).status == 200


@pytest.mark.parametrize("flag", ["is_active", "is_regular_user", "is_admin"])
def test_roles_are_an_admins(merge: Merge, admin: User, flag: str) -> None:
    """Behaviour 39: by the account itself 403, password or not; by an admin with the own password."""
    value = flag == "is_admin"
    assert merge({flag: value, **CONFIRMED}).status == 403
    answer = merge({flag: value, **CONFIRMED}, admin)
    assert (answer.status, answer.json[flag]) == (200, value)


@pytest.mark.parametrize("name", ["id", "version", "password_hash", "created", "owner", "pk", "a/b", ""])
@pytest.mark.parametrize("value", ["x", None, {}])
def test_what_the_server_owns_is_not_changed(merge: Merge, name: str, value: Any) -> None:
    """Behaviour 39: 422 that points at the member; the item stays as it was."""
    before = dump_table()
    answer = merge({name: value, "first_name": "Grace"})
    pointer = "/" + name.replace("/", "~1")
    assert (answer.status, [each["pointer"] for each in answer.json["errors"]]) == (422, [pointer])
    assert dump_table() == before


def test_is_internal_is_nobodys(merge: Merge, admin: User) -> None:
    """It is never set over the API."""
    assert merge({"is_internal": True, **CONFIRMED}, admin).status == 403


@pytest.mark.parametrize("patch", [[], "text", 5, None, True, [{"op": "replace"}]])
def test_a_patch_that_would_replace_the_whole_is_refused(merge: Merge, patch: Any) -> None:
    """Behaviour 44: RFC 7396 replaces the document by what is no object; here only members change."""
    assert merge(patch).status == 422


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a": NaN}', b'{"first_name": "a", "first_name": "b"}'])
def test_what_does_not_parse_is_400(merge: Merge, raw: bytes) -> None:
    """Behaviour 49: the same JSON as everywhere."""
    assert merge(None, raw=raw).status == 400


def test_an_object_is_no_json_patch(api: Client, account: User, token_for: TokenFor) -> None:
    """Behaviour 43: only its own media type makes a body a merge patch."""
    path, token = f"/api/v1/users/{account.id}", token_for(account)
    assert api("PATCH", path, token=token, data={"first_name": "Grace"}).status == 400


@pytest.mark.parametrize(
    "patch",
    [
        {f"x{number}": 1 for number in range(65)},
        {"first_name": list(range(129))},
        {"first_name": {str(number): None for number in range(129)}},
        {"first_name": {"a": [[1] * 128]}},
    ],
)
def test_what_is_too_large_is_refused(merge: Merge, patch: Any) -> None:
    """Behaviour 45: as many members as a patch may have operations, and elements as its values."""
    assert merge(patch).status == 422


@pytest.mark.parametrize("value", [5, True, [], {}, "x" * 31, "a\x00b"])
def test_values_are_those_of_the_schema(merge: Merge, value: Any) -> None:
    """Behaviour 43: 422 that points at the field."""
    answer = merge({"first_name": value})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/first_name")


def test_a_list_is_replaced_as_a_whole(
    api: Client, user: User, make_client: MakeClient, token_for: TokenFor
) -> None:
    """RFC 7396 §1: parts of an array cannot be patched."""
    client: OAuth2Client = make_client("own", user)
    path, body = f"/api/v1/auth/oauth2_clients/{client.client_id}", b'{"default_scopes": ["teams:read"]}'
    answer = api("PATCH", path, token=token_for(user), raw=body, headers=TYPE)
    assert (answer.status, answer.json["default_scopes"]) == (200, ["teams:read"])
    answer = api("PATCH", path, token=token_for(user), raw=b'{"default_scopes": null}', headers=TYPE)
    assert (answer.status, answer.json["default_scopes"]) == (200, [])


def test_changes_of_the_email_are_counted(merge: Merge) -> None:
    """The rate limit of JSON Patch holds for both."""
    assert "ratelimit" in merge({"email": "new@test.example", **CONFIRMED}).headers
    assert "ratelimit" not in merge({"first_name": "Grace"}).headers
