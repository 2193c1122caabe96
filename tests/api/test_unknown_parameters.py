"""Query parameters that an operation does not know."""

import pytest

import app as application
from chalicelib.web.media import HTML
from tests.api.world import World

ROUTES = {
    (method, path): operation
    for path, methods in application.api.operations.items()
    for method, operation in methods.items()
}
STRICT = [route for route, operation in ROUTES.items() if operation.checks_query]
LENIENT = [route for route in ROUTES if route not in STRICT]


@pytest.mark.parametrize("route", STRICT, ids="-".join)
def test_an_unknown_parameter_is_refused(world: World, route: tuple[str, str]) -> None:
    """A misspelt `limit` must not look like a short list: 422 names it, and nothing is changed."""
    method, path = route
    caller = "leader" if "team_id" in path else "owner" if "client_id" in path else "admin"
    address = world.address(caller, method, path)
    address += f"{'&' if '?' in address else '?'}limt=1"
    token = None if ROUTES[route].access.permission.public else world.token(caller)
    before = world.api("GET", "/api/v1/teams", token=world.token("admin")).headers["x-total-count"]
    answer = world.api(method, address, token=token, data=world._body(caller, method, path))
    named = {each["parameter"] for each in answer.json["errors"]}
    assert (answer.status, "limt" in named) == (422, True)
    assert world.api("GET", "/api/v1/teams", token=world.token("admin")).headers["x-total-count"] == before


def test_oauth2_and_pages_ignore_them() -> None:
    """RFC 6749 §3.1 and §3.2 want that; links to pages carry parameters of their own."""
    oauth2 = {path for _, path in ROUTES if path.startswith("/auth/oauth2/")}
    pages = {path for (_, path), each in ROUTES.items() if each.gives.types == (HTML,)}
    assert {path for _, path in LENIENT} == oauth2 | pages


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/oauth2-redirect"])
def test_a_page_with_other_parameters_is_shown(world: World, path: str) -> None:
    """Mail programs and search engines add some."""
    assert world.api("GET", f"{path}?utm_source=x&state=y").status == 200
