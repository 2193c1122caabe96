"""Requests: the caller and the base of links come from the gateway, never from the caller."""

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from chalice.app import Request as ChaliceRequest

import app as application
from chalicelib.settings import LOCAL_URL, Settings
from chalicelib.users.models import User
from chalicelib.web.call import base_url, read_request, request_id
from tests.http import Client, InProcess
from tests.web.requests import chalice_request

FORGED = {
    "host": "evil.example",
    "x-forwarded-host": "evil.example",
    "x-forwarded-for": "198.51.100.66",
    "x-forwarded-proto": "http",
    "x-forwarded-port": "1",
    "forwarded": "for=198.51.100.66;host=evil.example;proto=http",
    "x-real-ip": "198.51.100.66",
    "x-original-url": "/evil",
    "x-rewrite-url": "/evil",
    "x-amzn-requestid": "evil",
    "x-request-id": "evil",
    "x-http-method-override": "DELETE",
}
GATEWAY = {
    "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
    "stage": "prod",
    "requestId": "from-the-gateway",
}
GATEWAY_URL = "https://abc.execute-api.eu-west-1.amazonaws.com/prod"


@pytest.mark.parametrize("name", FORGED)
def test_no_header_decides_anything(settings: Settings, name: str) -> None:
    """Behaviour 37: address, URL, method, path and id come from the gateway."""
    context = {**GATEWAY, "identity": {"sourceIp": "203.0.113.7"}}
    got = read_request(chalice_request(context, headers={name: FORGED[name]}, path="/health"), settings)
    assert (got.source, got.base_url, got.method, got.path) == ("203.0.113.7", GATEWAY_URL, "GET", "/health")
    assert got.request_id == "from-the-gateway"


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (GATEWAY, GATEWAY_URL),
        ({"domainName": "api.grail.test", "stage": "prod"}, "https://api.grail.test"),
        ({}, LOCAL_URL),
        ({"stage": "prod"}, LOCAL_URL),
    ],
)
def test_the_url_comes_from_the_gateway(settings: Settings, context: dict[str, Any], expected: str) -> None:
    """A custom domain has no stage in its path."""
    assert base_url(context, replace(settings, public_url=None)) == expected


def test_the_configured_url_comes_first(settings: Settings) -> None:
    """Where a domain is configured, links and tokens carry it whatever address was called."""
    configured = replace(settings, public_url="https://api.grail.test")
    assert base_url(GATEWAY, configured) == "https://api.grail.test"


@pytest.mark.parametrize(
    "path", ["/errors/nothing", "/health", "/api/v1/users/me", "/api/v1/users/signup-form"]
)
def test_answers_never_lead_to_a_forged_host(api: Client, path: str) -> None:
    """A poisoned Host must not reach a problem's `type` or a header."""
    answer = api("GET", path, headers=FORGED)
    assert b"evil" not in answer.body + str(answer.headers).encode()


def test_what_was_made_is_never_at_a_forged_host(
    api: Client, user: User, token_for: Callable[..., str]
) -> None:
    """A poisoned Host must not reach Location or Link."""
    token = token_for(user)
    made = [
        api("POST", "/api/v1/teams", token=token, data={"title": "abc"}, headers=FORGED) for _ in range(2)
    ]
    page = api("GET", "/api/v1/teams?limit=1", token=token, headers=FORGED)
    links = [answer.headers["location"] for answer in made] + [page.headers["link"].lstrip("<")]
    assert [link for link in links if not link.startswith(f"{LOCAL_URL}/api/v1/teams")] == []


@pytest.mark.parametrize(
    ("route", "path", "expected"),
    [
        ("/api/v1/teams", "/api/v1/teams", "/api/v1/teams"),
        ("/api/v1/teams", "/api/v1/teams/", "/api/v1/teams"),
        ("/api/v1/teams", "/grail/api/v1/teams", "/api/v1/teams"),
        ("/api/v1/teams", "/api/api/v1/teams", "/api/v1/teams"),
        ("/api/v1/teams/{team_id}/members", "/a/b/api/v1/teams/7/members", "/api/v1/teams/7/members"),
    ],
)
def test_a_base_path_is_no_part_of_the_routes_path(
    settings: Settings, route: str, path: str, expected: str
) -> None:
    """API Gateway puts the base path of a domain in front of what was called, and the public URL has it."""
    got = read_request(chalice_request({"resourcePath": route}, path=path), settings)
    assert (got.path, got.path_of_route) == (path, expected)


class Mapped(InProcess):
    """Calls the application as API Gateway does for a domain with the base path grail."""

    def call(self, event: dict[str, Any]) -> Any:
        """Call it under the base path."""
        path = f"/grail{event['requestContext']['path']}"
        context = {**event["requestContext"], "path": path}
        return super().call({**event, "path": path, "requestContext": context})


@pytest.mark.in_process("it makes events as a base path mapping does")
def test_links_below_a_base_path_lead_to_the_next_page(
    user: User, token_for: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PUBLIC_URL has the base path, so the path that is put behind it must not."""
    url = "https://api.grail.test/grail"
    monkeypatch.setattr("chalicelib.web.call.base_url", lambda *_: url)
    monkeypatch.setattr("tests.conftest.base_url", lambda: url)
    monkeypatch.setattr(Mapped, "check", None)
    token, api = token_for(user), Client(Mapped(application.app))
    for title in ("abc", "def"):
        made = api("POST", "/api/v1/teams", token=token, data={"title": title})
        assert made.headers["location"].startswith(f"{url}/api/v1/teams/")
    link = api("GET", "/api/v1/teams?limit=1", token=token).headers["link"]
    assert link.startswith(f"<{url}/api/v1/teams?limit=1&cursor=")


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ({"body": None}, b""),
        ({"body": ""}, b""),
        ({"body": "text \u00e9"}, "text \u00e9".encode()),
        ({"body": base64.b64encode(b"\x00\xff").decode(), "isBase64Encoded": True}, b"\x00\xff"),
    ],
)
def test_bodies_are_bytes(settings: Settings, event: dict[str, Any], body: bytes) -> None:
    """Whatever the gateway made of them."""
    assert read_request(chalice_request(**event), settings).body == body


@pytest.mark.parametrize("event", [{"body": "\ud800"}, {"body": "a", "isBase64Encoded": True}])
def test_a_body_that_cannot_be_read_is_none(settings: Settings, event: dict[str, Any]) -> None:
    """Behaviour 49: so that it becomes a 400 where a body is due."""
    assert read_request(chalice_request(**event), settings).body is None


def test_header_names_have_no_case(settings: Settings) -> None:
    """RFC 9110 §5.1."""
    got = read_request(chalice_request(headers={"If-Match": "*", "AUTHORIZATION": "x"}), settings)
    assert got.headers == {"if-match": "*", "authorization": "x"}


@pytest.mark.parametrize("made", [None, chalice_request()])
def test_a_request_without_an_id_has_one_all_the_same(made: ChaliceRequest | None) -> None:
    """A log line and a problem always name something."""
    assert request_id(made) == "unknown"


@pytest.mark.parametrize("query", [None, {}, {"a": ["1", "2"]}])
def test_queries_keep_every_value(settings: Settings, query: dict[str, list[str]] | None) -> None:
    """Repeated parameters must be visible, so that they can be refused."""
    assert read_request(chalice_request(multiValueQueryStringParameters=query), settings).query == (
        query or {}
    )
