"""Every caller at every operation: the declarations enforced, against a table written by hand."""

import re

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.oauth.clients.handlers import PATCH_RULES
from chalicelib.oauth.tokens.models import TokenFamily
from tests.api.expected_access import (
    ADMINS,
    CALLERS,
    CLIENT_FIELDS,
    CLIENTS,
    DEAD,
    EXPECTED,
    LIVE,
    MEMBERS,
    OWNERS,
    USERS,
    Access,
    may_write,
    owner_for,
    person_of,
)
from tests.api.world import ALL, OTHER_SESSION_ID, TARGETS, World
from tests.support import replace

OPERATIONS = {
    (method, path): operation
    for path, methods in application.api.operations.items()
    for method, operation in methods.items()
}
PRIVATE = [key for key, operation in OPERATIONS.items() if not operation.access.permission.public]
OF_OBJECTS = [key for key in PRIVATE if "{" in key[1]]
IN_TEAMS = [key for key in OF_OBJECTS if "{team_id}" in key[1]]
ID = r"{(\w+_id)}"
MALFORMED = (
    "0",
    "..",
    "01ARZ3NDEKTSV4RRFFQ69G5FA",
    "01arz3ndektsv4rrffq69g5fav",
    "%00",
    "USER%23x",
    "é" * 26,
)


def test_both_tables_have_the_same_routes() -> None:
    """Behaviour 38: a route that is in only one of the two tables is missing from the other."""
    assert set(OPERATIONS) == set(EXPECTED)


def test_chalice_serves_no_route_beside_the_operations() -> None:
    """Behaviour 38: routes without a declaration would not be protected."""
    served = {(method, path) for path, methods in application.app.routes.items() for method in methods}
    heads = {("HEAD", path) for method, path in OPERATIONS if method == "GET"}
    assert served == set(OPERATIONS) | heads | {("OPTIONS", path) for _, path in OPERATIONS}


@pytest.mark.parametrize("route", OPERATIONS, ids="-".join)
def test_declared_scopes_are_those_of_the_table(route: tuple[str, str]) -> None:
    """Behaviour 38: the scopes that clients are told are those of the design."""
    assert OPERATIONS[route].access.scopes == EXPECTED[route].scopes


@pytest.mark.parametrize("route", OPERATIONS, ids="-".join)
def test_the_declared_sentence_is_the_one_of_the_table(route: tuple[str, str]) -> None:
    """Behaviour 38: the documentation says who may call, in the words of the design."""
    assert OPERATIONS[route].access.permission.sentence.lower() == EXPECTED[route].words


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("route", OPERATIONS, ids="-".join)
def test_a_caller_gets_what_the_table_says(world: World, route: tuple[str, str], caller: str) -> None:
    """Behaviour 38: with the operation's scope and no other, role and relation decide."""
    access = EXPECTED[route]
    assert world.request(caller, *route, access.scopes).status == access.expected(caller)


@pytest.mark.parametrize("caller", sorted(LIVE | DEAD))
@pytest.mark.parametrize("route", PRIVATE, ids="-".join)
def test_every_other_scope_does_not(world: World, route: tuple[str, str], caller: str) -> None:
    """Behaviour 17, 38: without the scope not even an internal account passes, and 403 names it."""
    access = EXPECTED[route]
    answer = world.request(caller, *route, ALL - {min(access.scopes)})
    challenge = answer.headers.get("www-authenticate")
    expected = (
        'error="invalid_token"' if caller in DEAD else f'error="insufficient_scope", scope="{access.scope}"'
    )
    assert (answer.status, challenge) == (access.expected(caller, has_scope=False), f"Bearer {expected}")


@pytest.mark.parametrize(
    "caller", ["admin", "owner", "leader", "outsider", "internal", "anonymous", "disabled user"]
)
@pytest.mark.parametrize("route", OF_OBJECTS, ids="-".join)
def test_unknown_ids_are_404_to_all_who_have_the_scope(
    world: World, route: tuple[str, str], caller: str
) -> None:
    """Behaviour 38: the object does not exist, so 404 reveals nothing; tokens are checked first."""
    unknown = tuple(re.findall(ID, route[1])[:1])
    assert world.request(caller, *route, unknown=unknown).status == EXPECTED[route].expected(
        caller, exists=False
    )


@pytest.mark.parametrize("bad", MALFORMED)
@pytest.mark.parametrize("route", OF_OBJECTS, ids="-".join)
def test_what_can_be_no_id_is_404(world: World, route: tuple[str, str], bad: str) -> None:
    """Behaviour 38, 50: an impossible id is an unknown one, never a server error."""
    path = re.sub(ID, bad, route[1])
    assert world.request("internal", route[0], path).status == 404


def test_outsiders_do_not_learn_who_is_a_member(world: World) -> None:
    """Behaviour 38 (API1): callers who may not remove members cannot distinguish members from strangers."""
    route = ("DELETE", "/api/v1/teams/{team_id}/members/{user_id}")
    statuses = [world.request("outsider", *route, unknown=unknown).status for unknown in ((), ("user_id",))]
    assert statuses == [403, 403]


@pytest.mark.parametrize("caller", sorted(LIVE))
def test_members_leave_and_strangers_have_nothing_to_leave(world: World, caller: str) -> None:
    """Leaving a team: 204 for any member, with or without write access, 404 for everybody else."""
    user = world.users[person_of(caller)]
    path = f"/api/v1/teams/{world.team.id}/members/{user.id}"
    answer = world.api("DELETE", path, token=world.token(caller, frozenset({"teams:write"})))
    world.restore()
    assert answer.status == (204 if caller in MEMBERS else 404)


@pytest.mark.parametrize("caller", sorted(OWNERS))
def test_names_take_write_access(world: World, caller: str) -> None:
    """Owners without it change their email address and password, and nothing else."""
    path = world.address(caller, "PATCH", "/api/v1/users/{user_id}")
    data = [{"op": "replace", "path": "/first_name", "value": "Ada"}]
    answer = world.api("PATCH", path, token=world.token(caller), data=data)
    world.restore()
    assert answer.status == (200 if may_write(caller) else 403)


def test_leaders_are_told_that_somebody_is_no_member(world: World) -> None:
    """Behaviour 38: callers who may see the members get 404 for a user who is not a member."""
    path = "/api/v1/teams/{team_id}/members/{user_id}"
    assert world.request("leader", "DELETE", path, unknown=("user_id",)).status == 404


@pytest.mark.parametrize("caller", CALLERS)
def test_signing_up_without_captcha_is_for_admins(world: World, caller: str) -> None:
    """Admins with write access, and internal accounts; everybody else has to solve a captcha."""
    creates = caller in ADMINS and (may_write(caller) or caller == "internal")
    expected = 401 if caller in DEAD else 201 if creates else 403
    body = {"username": "newcomer", "email": "newcomer@test.example", "password": "analytical engine"}
    answer = world.api("POST", "/api/v1/users", token=world.token(caller), data=body)
    world.restore()
    assert answer.status == expected


@pytest.mark.parametrize("caller", sorted(LIVE))
def test_whose_clients_may_be_listed(world: World, caller: str) -> None:
    """Behaviour 38: another's user_id is 422, except to admins and internal accounts."""
    other = world.users["addable"].id
    answer = world.api("GET", f"/api/v1/auth/oauth2_clients?user_id={other}", token=world.token(caller))
    assert answer.status == (200 if caller in ADMINS else 422)


OF_A_CLIENT = [(method, path) for method, path in OPERATIONS if path.startswith(f"{CLIENTS}/{{client_id}}")]
PATCH_CLIENT = ("PATCH", f"{CLIENTS}/{{client_id}}")


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("route", [route for route in OF_A_CLIENT if route != PATCH_CLIENT], ids="-".join)
def test_what_a_client_may_do_changes_nothing_about_who_handles_it(
    world: World, route: tuple[str, str], kind: str, caller: str
) -> None:
    """Owners see, delete and rotate their first-party and suspended clients, too."""
    client = world.targets[kind, owner_for(caller)]
    path = route[1].format(client_id=client.client_id)
    answer = world.api(route[0], path, token=world.token(caller))
    world.restore()
    assert answer.status == EXPECTED[route].expected(caller)


def test_both_tables_have_the_same_fields_of_clients() -> None:
    """A field that is in only one of the two tables is missing from the other."""
    assert set(PATCH_RULES) == set(CLIENT_FIELDS)


def _values(kind: str) -> dict[str, object]:
    return {
        "client_name": "Another",
        "redirect_uris": ["https://another.test/callback"],
        "default_scopes": ["teams:read"],
        "grant_types": [*TARGETS[kind], "refresh_token"],
        "is_active": kind == "suspended",
    }


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("field", CLIENT_FIELDS)
def test_who_sets_a_field_of_a_client(world: World, field: str, kind: str, caller: str) -> None:
    """Of first-party clients all, of others whether they are suspended: admins, by a first-party sign-in."""
    client = world.targets[kind, owner_for(caller)]
    who = CLIENT_FIELDS[field][kind == "first-party"]
    data = [replace(f"/{field}", _values(kind)[field])]
    answer = world.api("PATCH", f"{CLIENTS}/{client.client_id}", token=world.token(caller), data=data)
    world.restore()
    assert answer.status == Access("auth:write", "", who).expected(caller)


@pytest.mark.parametrize("caller", sorted(LIVE))
def test_nobody_ends_the_session_of_another(world: World, caller: str) -> None:
    """Not even admins: their own sessions have no such id, and the user's session continues."""
    answer = world.api("DELETE", f"{USERS}/me/sessions/{OTHER_SESSION_ID}", token=world.token(caller))
    session = TokenFamily.get(*keys.family(world.users["addable"].id, OTHER_SESSION_ID))
    assert (answer.status, session.is_revoked) == (404, False)


@pytest.mark.parametrize("route", PRIVATE, ids="-".join)
def test_no_credentials_get_the_bare_challenge(world: World, route: tuple[str, str]) -> None:
    """Behaviour 17: without credentials the challenge has no error code (RFC 6750 §3.1)."""
    answer = world.request("anonymous", *route)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("path", ["/auth/oauth2/token", "/auth/oauth2/revoke"])
@pytest.mark.parametrize("caller", ["anonymous", "admin", "internal", "bad token"])
def test_no_access_token_replaces_client_authentication(world: World, path: str, caller: str) -> None:
    """Behaviour 8, 38: at the OAuth2 endpoints only client credentials count."""
    form = {"grant_type": "client_credentials", "token": "x"}
    answer = world.api("POST", path, token=world.token(caller), form=form)
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")
