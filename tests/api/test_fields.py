"""Fields: callers cannot set what the server owns, or see what is not declared."""

from typing import Any

import pytest

from tests.api.expected_fields import CLIENT, INVITATION, LISTED_USER, MY_TEAM, SESSION, TEAM, USER
from tests.api.world import UNKNOWN_ID, World
from tests.http import Answer

USERS, TEAMS, CLIENTS = "/api/v1/users", "/api/v1/teams", "/api/v1/auth/oauth2_clients"
OWNED = ("id", "version", "password_hash", "created", "updated", "owner", "credentials_version", "pk", "kind")
SHOWN: dict[tuple[str, str], set[str]] = {
    ("GET", "/health"): {"status", "build"},
    ("GET", USERS): LISTED_USER,
    ("POST", USERS): USER,
    ("GET", f"{USERS}/signup-form"): {"recaptcha_server_key"},
    ("GET", f"{USERS}/me"): USER,
    ("GET", f"{USERS}/me/sessions"): SESSION,
    ("GET", f"{USERS}/{{user_id}}"): USER,
    ("PATCH", f"{USERS}/{{user_id}}"): USER,
    ("GET", f"{USERS}/me/teams"): MY_TEAM,
    ("GET", f"{TEAMS}/{{team_id}}/invitations"): INVITATION,
    ("POST", f"{TEAMS}/{{team_id}}/invitations"): INVITATION,
    ("GET", f"{USERS}/me/invitations"): {"id", "team", "created"},
    ("GET", TEAMS): {"id", "title"},
    ("POST", TEAMS): TEAM,
    ("GET", f"{TEAMS}/{{team_id}}"): TEAM | {"members"},
    ("PATCH", f"{TEAMS}/{{team_id}}"): TEAM,
    ("GET", f"{TEAMS}/{{team_id}}/members"): {"team", "user", "is_leader"},
    ("POST", f"{TEAMS}/{{team_id}}/members"): {"team", "user", "is_leader"},
    ("GET", CLIENTS): CLIENT,
    ("POST", CLIENTS): CLIENT | {"client_secret"},
    ("GET", f"{CLIENTS}/{{client_id}}"): CLIENT,
    ("PATCH", f"{CLIENTS}/{{client_id}}"): CLIENT,
    ("POST", f"{CLIENTS}/{{client_id}}/secret"): CLIENT | {"client_secret"},
}
CREATIONS: dict[str, dict[str, Any]] = {
    USERS: {"username": "ada", "email": "ada@test.example", "password": "analytical engine"},
    TEAMS: {"title": "Engines"},
    CLIENTS: {"default_scopes": []},
}
ITEMS = {
    f"{USERS}/{{user_id}}": OWNED,
    f"{TEAMS}/{{team_id}}": (*OWNED, "members", "member_count", "leader_count"),
    f"{CLIENTS}/{{client_id}}": (
        *OWNED,
        "client_id",
        "user_id",
        "client_type",
        "secret_hash",
        "client_secret",
    ),
}


def keys_of(answer: Answer) -> list[set[str]]:
    """Return the names in a body, or in each element of a list."""
    elements = answer.json if isinstance(answer.json, list) else [answer.json]
    return [set(element) for element in elements]


@pytest.mark.parametrize("route", SHOWN, ids="-".join)
def test_answers_hold_declared_fields_only(world: World, route: tuple[str, str]) -> None:
    """Behaviour 41: exactly the names of the design, even for accounts that pass everywhere."""
    callers = {f"{USERS}/me/teams": "member"}
    answer = world.request(callers.get(route[1], "owner" if "_clients" in route[1] else "internal"), *route)
    found = keys_of(answer)
    assert found
    assert found == [SHOWN[route]] * len(found)


def test_a_team_shows_of_its_members_no_more_than_names(world: World) -> None:
    """Behaviour 41: nested objects are declared as well."""
    members = world.request("member", "GET", f"{TEAMS}/{{team_id}}").json["members"]
    listed = world.request("member", "GET", f"{TEAMS}/{{team_id}}/members").json
    assert {frozenset(member) for member in members} == {frozenset({"user", "is_leader"})}
    assert {frozenset(member["user"]) for member in members + listed} == {frozenset({"id", "username"})}
    assert {frozenset(member["team"]) for member in listed} == {frozenset({"id", "title"})}


@pytest.mark.parametrize("field", OWNED)
@pytest.mark.parametrize("path", CREATIONS)
def test_nobody_creates_with_what_the_server_owns(world: World, path: str, field: str) -> None:
    """Behaviour 39: 422 naming it, and nothing is made."""
    body = {**CREATIONS[path], field: UNKNOWN_ID}
    answer = world.api("POST", path, token=world.token("internal"), data=body)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, f"/{field}")


@pytest.mark.parametrize(
    ("path", "field"), [(path, field) for path, fields in ITEMS.items() for field in fields]
)
@pytest.mark.parametrize("op", ["add", "replace", "remove", "move"])
def test_nobody_patches_what_the_server_owns(world: World, path: str, field: str, op: str) -> None:
    """Behaviour 39: 422, and the item stays as it was, its ETag included."""
    caller = "admin"
    before = world.request(caller, "GET", path)
    entry = {"op": op, "path": f"/{field}", "value": UNKNOWN_ID, "from": f"/{field}"}
    answer = world.api("PATCH", world.address(caller, "PATCH", path), token=world.token(caller), data=[entry])
    after = world.request(caller, "GET", path)
    assert answer.status == 422
    assert (after.body, after.headers["etag"]) == (before.body, before.headers["etag"])


@pytest.mark.parametrize("flag", ["is_active", "is_regular_user", "is_admin", "is_internal"])
@pytest.mark.parametrize("value", [True, False])
def test_role_flags_without_the_right_are_403(world: World, value: bool, flag: str) -> None:
    """Behaviour 39: in a patch of one's own account, and the account stays as it was."""
    before = world.request("owner", "GET", f"{USERS}/me")
    path = world.address("owner", "PATCH", f"{USERS}/{{user_id}}")
    entry = {"op": "replace", "path": f"/{flag}", "value": value}
    answer = world.api("PATCH", path, token=world.token("owner"), data=[entry])
    assert (answer.status, world.request("owner", "GET", f"{USERS}/me").body) == (403, before.body)


@pytest.mark.parametrize("caller", ["admin", "internal"])
@pytest.mark.parametrize("value", [True, False])
def test_nobody_sets_is_internal(world: World, value: bool, caller: str) -> None:
    """Behaviour 39: never settable over the API, neither by sign-up nor by patch."""
    token = world.token(caller)
    created = world.api("POST", USERS, token=token, data={**CREATIONS[USERS], "is_internal": value})
    entry = {"op": "replace", "path": "/is_internal", "value": value}
    path = world.address(caller, "PATCH", f"{USERS}/{{user_id}}")
    assert (created.status, world.api("PATCH", path, token=token, data=[entry]).status) == (403, 403)
