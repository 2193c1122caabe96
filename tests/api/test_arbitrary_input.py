"""Arbitrary input at every operation: never a 500, always a well-formed refusal."""

import json
import re
from typing import Any

import pytest
from chalice.local import LambdaContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import app as application
from tests.api.expected_access import EXPECTED
from tests.api.world import World
from tests.http import FORM, JSON, Answer, InProcess
from tests.problems import flaws

pytestmark = pytest.mark.in_process("makes events that no HTTP client can cause")

ROUTES = sorted(EXPECTED)
PATCH = "application/json-patch+json"
NAMES = [
    "title",
    "username",
    "email",
    "password",
    "first_name",
    "is_admin",
    "user_id",
    "is_leader",
    "redirect_uris",
    "default_scopes",
    "grant_types",
    "client_type",
    "grant_type",
    "client_id",
    "client_secret",
    "token",
]
PARAMETERS = ("limit", "cursor", "offset", "user_id", "deep", "x")
HEADERS = ("authorization", "if-match", "if-none-match", "origin", "access-control-request-method", "accept")

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.sampled_from(NAMES)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=8,
)
pointers = st.sampled_from(NAMES).map(lambda name: f"/{name}") | st.builds(
    "/{}/{}".format, st.sampled_from(NAMES), st.text(max_size=5)
)
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(("add", "remove", "replace", "move", "copy", "test")) | st.text(max_size=4)},
    optional={"path": pointers | values, "from": pointers | values, "value": values},
)
documents = (
    values | st.dictionaries(st.sampled_from(NAMES), values, max_size=6) | st.lists(operations, max_size=5)
)
bodies = st.binary(max_size=60) | documents.map(lambda document: json.dumps(document).encode())
types = st.sampled_from((JSON, FORM, PATCH, None)) | st.text(max_size=20)
headers = st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=30), max_size=2)
queries = st.none() | st.dictionaries(
    st.sampled_from(PARAMETERS) | st.text(max_size=6),
    st.lists(st.text(max_size=20), min_size=1, max_size=2),
    max_size=3,
)


def send(route: tuple[str, str], event: dict[str, Any]) -> Answer:
    """Send a request with parts that no HTTP client would send, but a gateway may hand over decoded."""
    converter = InProcess(application.app).gateway.event_converter
    base = converter.create_lambda_event(route[0], route[1].replace("{", "").replace("}", ""), {}, None)
    raw = application.app(base | event, LambdaContext("grail", 128))
    found = {**raw["headers"], **{name: ", ".join(many) for name, many in raw["multiValueHeaders"].items()}}
    return Answer(
        raw["statusCode"], {name.lower(): str(value) for name, value in found.items()}, raw["body"].encode()
    )


def check(answer: Answer, path: str) -> None:
    """Check what holds for every answer."""
    assert answer.status < 500, answer.body
    assert answer.status < 400 or flaws(answer, path) == []
    assert not {name for name, value in answer.headers.items() if set("\r\n") & set(value)}


@pytest.mark.parametrize("route", ROUTES, ids="-".join)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=bodies, content_type=types, query=queries)
def test_any_body_and_query(
    world: World,
    route: tuple[str, str],
    body: bytes,
    content_type: str | None,
    query: dict[str, list[str]] | None,
) -> None:
    """Behaviour 48-51: from a caller who passes every permission, for objects that exist."""
    sent = {"authorization": f"Bearer {world.token('internal')}"} | (
        {"content-type": content_type} if content_type else {}
    )
    ids = {**world.ids("owner"), "user_id": world.users["removable"].id}
    event = {"headers": sent, "body": body, "multiValueQueryStringParameters": query, "pathParameters": ids}
    answer = send(route, event)
    if route[0] != "GET" and answer.status < 300:
        world.restore()
    check(answer, route[1])


@pytest.mark.parametrize("method", ["as declared", "OPTIONS"])
@pytest.mark.parametrize("route", [route for route in ROUTES if "{" in route[1]], ids="-".join)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(ids=st.lists(st.text(max_size=30), min_size=2, max_size=2))
def test_any_path(world: World, route: tuple[str, str], method: str, ids: list[str]) -> None:
    """Behaviour 50: ids that are anything, decoded."""
    sent = {"authorization": f"Bearer {world.token('internal')}", "content-type": JSON}
    names = re.findall(r"{(\w+)}", route[1])
    event = {"headers": sent, "body": b"[]", "pathParameters": dict(zip(names, ids, strict=False))}
    verb = route[0] if method == "as declared" else method
    check(send((verb, route[1]), event), "" if verb == "OPTIONS" else route[1])


@pytest.mark.parametrize("verb", ["GET", "POST", "OPTIONS", "PUT"])
@pytest.mark.parametrize("path", ["/health", "/api/v1/users", "/auth/oauth2/token", "/api/v1/users/me"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(sent=headers)
def test_any_headers(world: World, path: str, verb: str, sent: dict[str, str]) -> None:
    """Behaviour 50: header values that are anything, unlisted origins included."""
    answer = send((verb, path), {"headers": sent})
    check(answer, path if verb == "POST" else "")
    assert answer.headers.get("access-control-allow-origin") in (None, sent.get("origin"))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(tag=st.text(max_size=30), method=st.sampled_from(("GET", "PATCH")))
def test_any_entity_tag(world: World, tag: str, method: str) -> None:
    """Behaviour 47: any conditional header is handled without an error, and no version is guessed."""
    token = world.token("owner")
    path = world.address("owner", method, "/api/v1/users/{user_id}")
    body = [{"op": "test", "path": "/first_name", "value": ""}] if method == "PATCH" else None
    answer = world.api(method, path, token=token, data=body, headers={"If-Match": tag, "If-None-Match": tag})
    assert answer.status in (200, 304, 412)
