"""Refusals: RFC 9457 problems whose types resolve, and that reveal no internals."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from chalice.local import LambdaContext

import app as application
from chalicelib import context
from chalicelib.errors import MAX_EXCERPT, ApiError, InvalidValueError, NotFoundError, all_problems
from chalicelib.users.models import User
from chalicelib.web.call import with_head
from chalicelib.web.patch import POINTER
from tasks.gateway import Incoming, refuse
from tests.api.expected_access import EXPECTED
from tests.api.world import World
from tests.http import Answer, Client
from tests.problems import flaws
from tests.support import TokenFor

ROUTES = sorted(EXPECTED)
PATHS = sorted(application.api.operations)
KINDS = all_problems()
PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
SECRETS = ("arn:aws:dynamodb:eu-west-1:123456789012:table/grail-test", "Traceback", "hunter2", ".py")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """An application that raises an unforeseen exception, full of secrets."""

    def explode(*_: Any, **__: Any) -> Any:
        raise RuntimeError(" ".join(SECRETS))

    monkeypatch.setattr(context, "get_many", explode)


def assert_tells_nothing(answer: Answer, path: str) -> None:
    """Check that an answer is the generic 500."""
    leaks = [secret for secret in (*SECRETS, "RuntimeError", "grail-") if secret in answer.body.decode()]
    assert (answer.status, leaks, flaws(answer, path)) == (500, [], [])


@pytest.mark.parametrize("route", ROUTES, ids="-".join)
def test_an_unforeseen_exception_tells_nothing(
    world: World, broken: None, caplog: pytest.LogCaptureFixture, route: tuple[str, str]
) -> None:
    """Behaviour 54: a generic problem; the log has the trace, under the same request id."""
    with caplog.at_level(logging.ERROR, "grail"):
        answer = world.request("admin", *route)
    assert_tells_nothing(answer, route[1])
    assert answer.headers["x-request-id"] in caplog.text


@pytest.mark.parametrize("path", PATHS)
def test_an_unforeseen_exception_in_options_tells_nothing(world: World, broken: None, path: str) -> None:
    """Behaviour 54: OPTIONS is a route, too."""
    assert_tells_nothing(
        world.options("admin", path), "" if path.startswith(("/auth/", "/account")) else path
    )


@pytest.mark.parametrize("caller", ["anonymous", "bad token", "outsider", "disabled user"])
@pytest.mark.parametrize("route", ROUTES, ids="-".join)
def test_every_refusal_is_a_problem(world: World, route: tuple[str, str], caller: str) -> None:
    """RFC 9457: all members, the type of this status, the request's id; OAuth2 has its own form."""
    answer = world.request(caller, *route)
    assert answer.status < 400 or flaws(answer, route[1]) == []


@pytest.mark.parametrize("method", ["PUT", "TRACE", "BREW", "get"])
@pytest.mark.parametrize("path", PATHS)
def test_an_unknown_method_is_405_and_names_the_known_ones(world: World, method: str, path: str) -> None:
    """Behaviour 1, 51: Allow lists the methods of the address, OPTIONS among them."""
    answer = world.api(method, world.address("admin", method, path), token=world.token("admin"))
    known = with_head({*application.api.operations[path], "OPTIONS"})
    assert (answer.status, flaws(answer), answer.headers["allow"].split(", ")) == (405, [], known)


def test_an_unknown_path_is_a_404_problem() -> None:
    """Behaviour 51: the local server answers in the gateway's place, and in the same form."""
    request = Incoming("127.0.0.1", "GET", "/nowhere", [("origin", "http://localhost:1")])
    answer = refuse(request, NotFoundError())
    headers = {name.lower(): str(value) for name, value in answer.headers.items()}
    assert (answer.status, flaws(Answer(answer.status, headers, answer.body))) == (404, [])
    assert headers["access-control-allow-origin"] == "http://localhost:1"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_each_type_resolves(world: World, kind: type[ApiError]) -> None:
    """RFC 9457 §3.1.1: following `type` explains the problem."""
    answer = world.api("GET", f"/errors/{kind.slug}")
    body = answer.json
    assert (answer.status, body["title"], body["status"]) == (200, kind.title, kind.status)
    assert body["meaning"]
    assert body["advice"]


def test_the_page_lists_every_type() -> None:
    """docs/errors.md has the title and status that answers carry, and no type that does not exist."""
    rows = re.findall(r"^\| `/errors/([\w-]+)` \| (.+?) \| (\d+) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted((kind.slug, kind.title, str(kind.status)) for kind in KINDS)


def test_types_are_distinct() -> None:
    """Two types under one name would explain each other."""
    assert len({kind.slug for kind in KINDS}) == len(KINDS)


def test_slugs_are_url_safe() -> None:
    """They are part of a URI that must resolve as it stands."""
    assert [kind.slug for kind in KINDS if not re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.slug)] == []


def test_violations_point_into_the_body(world: World) -> None:
    """RFC 9457 §3: each violation has an RFC 6901 pointer to what is wrong."""
    body = {"redirect_uris": ["https://ok.test/", "ftp://no.test/"], "a/b~c": 1}
    answer = world.api("POST", "/api/v1/auth/oauth2_clients", token=world.token("admin"), data=body)
    pointers = {entry["pointer"] for entry in answer.json["errors"]}
    assert (answer.status, pointers) == (422, {"/redirect_uris/1", "/a~1b~0c"})


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "offset=1001", "cursor=x", "limit=1&limit=2"]
)
def test_violations_name_the_query_parameter(world: World, query: str) -> None:
    """A query parameter against its schema is 422 and named."""
    answer = world.api("GET", f"/api/v1/teams?{query}", token=world.token("admin"))
    assert (answer.status, flaws(answer)) == (422, [])
    assert [entry["parameter"] for entry in answer.json["errors"]] == [query.split("=", maxsplit=1)[0]]


@pytest.mark.in_process("makes an event that no HTTP client can cause")
def test_an_event_of_no_route_is_a_problem(world: World) -> None:
    """Behaviour 54: what is no request of API Gateway's is refused in the same form."""
    raw = application.app({"requestContext": {}, "headers": {}}, LambdaContext("grail", 128))
    assert raw["headers"]["Content-Type"] == "application/problem+json"
    assert "Traceback" not in str(raw)


def test_errors_never_become_defaults_of_each_other() -> None:
    """A violation list given to one error must not show up in the next."""
    InvalidValueError(errors=[{"pointer": "/a", "detail": "b"}])
    assert InvalidValueError().errors == []


NAMES = {f"{number}{'~/ब' * 120}": 1 for number in range(90)}  # 54 KB
SENT: dict[str, tuple[str, str, Any]] = {
    "JSON": ("POST", "application/json", NAMES),
    "a form": ("POST", "application/x-www-form-urlencoded", "&".join(f"{name}=1" for name in NAMES)),
    "a merge patch": ("PATCH", "application/merge-patch+json", {"~/ब" * 11_000: 1}),
    "a JSON Patch": (
        "PATCH",
        "application/json-patch+json",
        [{"op": "replace", "path": "/first_name", "value": NAMES}],
    ),
}


@pytest.mark.parametrize("kind", SENT)
def test_little_of_what_was_sent_is_repeated(api: Client, user: User, token_for: TokenFor, kind: str) -> None:
    """Names that nothing knows are cut, in bodies of every kind; what is left is a pointer."""
    method, media_type, body = SENT[kind]
    path = "/api/v1/teams" if method == "POST" else f"/api/v1/users/{user.id}"
    raw = (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()
    answer = api(method, path, token=token_for(user), raw=raw, headers={"Content-Type": media_type})
    found = [error["pointer"] for error in answer.json["errors"]]
    assert (answer.status, len(raw) > 40_000, len(answer.body) < 30_000) == (422, True, True)
    assert all(len(pointer) <= MAX_EXCERPT and POINTER.fullmatch(pointer) for pointer in found)
