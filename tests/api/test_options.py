"""OPTIONS: what this caller may do with this object, as their real requests show."""

import re

import pytest

import app as application
from chalicelib.web.call import with_head
from tests.api.code_tools import AUTHORIZE
from tests.api.expected_access import CALLERS, DEAD, EXPECTED, LIVE
from tests.api.world import ALL, World
from tests.targets import COMMON_TEAM

RESOURCES = {path: sorted(methods) for path, methods in application.api.operations.items()}
PUBLIC = [path for path, methods in RESOURCES.items() if any(EXPECTED[m, path].is_public for m in methods)]
PRIVATE = [path for path in RESOURCES if path not in PUBLIC]
OF_OBJECTS = [path for path in PRIVATE if "{" in path]
READ_ONLY = frozenset(scope for scope in ALL if scope.endswith(":read"))


def allowed(world: World, caller: str, path: str, scopes: frozenset[str]) -> str:
    """List the methods that a caller's real requests get through with, where bodies name a team of theirs."""
    answers = {
        method: world.request(caller, method, path, scopes, team_id=COMMON_TEAM) for method in RESOURCES[path]
    }
    passed = [method for method, answer in answers.items() if answer.status not in (401, 403, 404, 405)]
    return ", ".join(with_head([*passed, "OPTIONS"]))


@pytest.mark.parametrize("caller", sorted(LIVE))
@pytest.mark.parametrize("path", RESOURCES)
def test_allow_equals_what_real_requests_get(world: World, path: str, caller: str) -> None:
    """Behaviour 42: for every caller at every route."""
    answer = world.options(caller, path)
    assert (answer.status, answer.headers["allow"]) == (204, allowed(world, caller, path, ALL))


@pytest.mark.parametrize("caller", ["admin", "internal", "leader's service"])
@pytest.mark.parametrize(
    "scopes", [frozenset[str](), READ_ONLY, ALL - READ_ONLY], ids=["none", "read", "write"]
)
@pytest.mark.parametrize("path", RESOURCES)
def test_allow_knows_the_scopes_of_the_token(
    world: World, path: str, scopes: frozenset[str], caller: str
) -> None:
    """Behaviour 42: what the token's scopes do not cover is not allowed, whoever the caller is."""
    answer = world.options(caller, path, scopes)
    assert (answer.status, answer.headers["allow"]) == (204, allowed(world, caller, path, scopes))


@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_resource_tells_anybody(world: World, path: str) -> None:
    """Behaviour 42: without a token, Allow holds the public methods."""
    answer = world.options("anonymous", path)
    assert (answer.status, answer.headers["allow"]) == (204, allowed(world, "anonymous", path, ALL))


@pytest.mark.parametrize("path", PRIVATE)
def test_a_private_resource_tells_nothing_without_a_token(world: World, path: str) -> None:
    """Behaviour 42: a route without a public method answers 401, and Allow is not in it."""
    answer = world.options("anonymous", path)
    assert (answer.status, answer.headers.get("allow"), answer.headers["www-authenticate"]) == (
        401,
        None,
        "Bearer",
    )


@pytest.mark.parametrize("caller", sorted(DEAD))
@pytest.mark.parametrize("path", RESOURCES)
def test_a_bad_token_is_never_ignored(world: World, path: str, caller: str) -> None:
    """Behaviour 18, 42: an invalid token reveals nothing about what a caller may do."""
    answer = world.options(caller, path)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')


@pytest.mark.parametrize("caller", ["admin", "owner", "outsider", "internal"])
@pytest.mark.parametrize("path", OF_OBJECTS)
def test_an_unknown_object_allows_nothing(world: World, path: str, caller: str) -> None:
    """Behaviour 42: where every real request gets 404, so does OPTIONS, or it allows none."""
    unknown = tuple(re.findall(r"{(\w+_id)}", path)[:1])
    answer = world.options(caller, path, unknown=unknown)
    assert (answer.status, answer.headers.get("allow", "OPTIONS")) in [(404, "OPTIONS"), (204, "OPTIONS")]


def test_outsiders_do_not_learn_who_is_a_member_by_asking(world: World) -> None:
    """Behaviour 38, 42 (API1): a member and a stranger look alike to those who may see neither."""
    path = "/api/v1/teams/{team_id}/members/{user_id}"
    answers = [world.options("outsider", path, unknown=unknown) for unknown in ((), ("user_id",))]
    assert [(answer.status, answer.headers["allow"]) for answer in answers] == [(204, "OPTIONS")] * 2


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("path", RESOURCES)
def test_a_preflight_needs_no_token(world: World, path: str, caller: str) -> None:
    """Behaviour 42, 53: a preflight is answered alike for all, bad tokens included."""
    headers = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "GET"}
    answer = world.api(
        "OPTIONS", world.address(caller, "OPTIONS", path), token=world.token(caller), headers=headers
    )
    # pages that people sign in on are for no script of another page
    is_page = path == AUTHORIZE or path.startswith("/account")
    methods = None if is_page else ", ".join(with_head(RESOURCES[path]))
    assert (answer.status, answer.headers.get("access-control-allow-methods")) == (204, methods)


@pytest.mark.parametrize("path", RESOURCES)
def test_options_has_no_body(world: World, path: str) -> None:
    """A 204 has no content, not even Chalice's null."""
    assert world.options("admin", path).body == b""


@pytest.mark.parametrize("path", RESOURCES)
def test_what_a_patch_may_be_is_told(world: World, path: str) -> None:
    """RFC 5789 §3.1: Accept-Patch wherever there is a PATCH, and only there."""
    told = world.options("admin", path).headers.get("accept-patch", "")
    known = "application/json-patch+json, application/json, application/merge-patch+json"
    assert told == (known if "PATCH" in RESOURCES[path] else "")
