"""The headers that every response carries."""

import re

import pytest

import app as application
from tests.api.expected_access import EXPECTED
from tests.api.world import World
from tests.http import Answer

ROUTES = sorted(EXPECTED)
PATHS = sorted(application.api.operations)
YEAR = 365 * 86400
TYPE = re.compile(
    r"application/(problem\+)?json|application/yaml|application/linkset\+json; .*"
    r"|text/(html|css|plain); charset=utf-8"
)
DOCUMENTS = ("/errors", "/api/v1/openapi", "/api/v1/static", "/.well-known", "/api/v1/oauth2-redirect")
CACHEABLE = [path for method, path in ROUTES if path.startswith(DOCUMENTS) or path == "/api/v1"]


def missing(answer: Answer) -> list[str]:
    """List the protections that a response lacks."""
    headers = answer.headers
    lifetime = re.match(r"max-age=(\d+)", headers.get("strict-transport-security", ""))
    checks = {
        "nosniff": headers.get("x-content-type-options") == "nosniff",
        "HSTS": lifetime is not None and int(lifetime[1]) >= YEAR,
        "frame-ancestors": "frame-ancestors 'none'" in headers.get("content-security-policy", ""),
        "default-src": "default-src 'none'" in headers.get("content-security-policy", ""),
        # the pages of the authorization endpoint want their own forms to say where they come from
        "referrer": headers.get("referrer-policy") in ("no-referrer", "same-origin"),
        "request id": bool(re.fullmatch(r"[\w-]{8,}", headers.get("x-request-id", ""))),
        "vary": "Origin" in headers.get("vary", ""),
        "type": not answer.body or bool(TYPE.fullmatch(headers["content-type"])),
    }
    return [name for name, holds in checks.items() if not holds]


@pytest.mark.parametrize("caller", ["admin", "outsider", "anonymous", "bad token"])
@pytest.mark.parametrize("route", ROUTES, ids="-".join)
def test_every_answer_is_protected(world: World, route: tuple[str, str], caller: str) -> None:
    """Behaviour 52: answers and refusals alike."""
    assert missing(world.request(caller, *route)) == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "PUT", "TRACE", "BREW"])
def test_answers_about_methods_are_protected(world: World, method: str, path: str) -> None:
    """Behaviour 52: what Chalice says on its own, too."""
    address = world.address("admin", method, path)
    assert missing(world.api(method, address, token=world.token("admin"))) == []


@pytest.mark.parametrize("caller", ["admin", "anonymous"])
@pytest.mark.parametrize("route", [route for route in ROUTES if route[1] not in CACHEABLE], ids="-".join)
def test_private_answers_stay_out_of_caches(world: World, route: tuple[str, str], caller: str) -> None:
    """Behaviour 52: no-store, whatever the answer."""
    assert world.request(caller, *route).headers["cache-control"] == "no-store"


def test_an_unchanged_item_is_protected(world: World) -> None:
    """Behaviour 52: a 304 carries what the 200 would have."""
    first = world.request("owner", "GET", "/api/v1/users/me")
    again = world.api(
        "GET",
        "/api/v1/users/me",
        token=world.token("owner"),
        headers={"If-None-Match": first.headers["etag"]},
    )
    assert (again.status, again.body, again.headers["etag"], missing(again)) == (
        304,
        b"",
        first.headers["etag"],
        [],
    )


@pytest.mark.parametrize("route", ROUTES, ids="-".join)
def test_nothing_tells_what_serves(world: World, route: tuple[str, str]) -> None:
    """Behaviour 52: no header names software or versions."""
    answer = world.request("admin", *route)
    assert answer.headers.get("server", "grail") == "grail"
    assert not {"x-powered-by", "x-chalice-version"} & answer.headers.keys()
