"""What the local engine's guard lets through: DynamoDB's own clients, and no web page."""

import asyncio
from typing import Any

import pytest

from tasks.engine_server import guard

KEY = "a-key"
CLIENT = {"host": "127.0.0.1:8001", "x-amz-target": "DynamoDB_20120810.Query"}


def sent(method: str, path: str, headers: dict[str, str], kind: str = "http") -> list[dict[str, Any]]:
    """Send a request through the guard to an application that says "passed", and return what is answered."""
    answers: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.connect"}

    async def application(_scope: object, _receive: object, send: Any) -> None:
        await send({"type": "passed"})

    scope = {"type": kind, "path": path, "method": method}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def run() -> None:
        await guard(application, KEY)({**scope, "headers": raw}, receive, send)

    asyncio.run(run())
    return answers


@pytest.mark.parametrize("host", ["127.0.0.1:8001", "localhost:8001", "LOCALHOST", "127.0.0.1"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", f"/{KEY}"), ("POST", f"/{KEY}/"), ("GET", "/_ministack/health")]
)
def test_clients_of_this_machine_pass(host: str, method: str, path: str) -> None:
    """Requests for DynamoDB, and the question whether the engine is ready, are answered by ministack."""
    assert sent(method, path, {**CLIENT, "host": host}) == [{"type": "passed"}]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8000"},
        {"sec-fetch-site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {"host": "rebound.example:8001"},
        {"host": "127.0.0.1.rebound.example"},
        {"host": "localhost:x.rebound.example"},
        {"host": ""},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", f"/{KEY}"), ("POST", f"/{KEY}/"), ("GET", "/_ministack/health")]
)
def test_web_pages_do_not(headers: dict[str, str], method: str, path: str) -> None:
    """A header that only browsers send, or a name of another site, is a 403 without any CORS header."""
    start, body = sent(method, path, {**CLIENT, **headers})
    assert (start["status"], start["headers"]) == (403, [(b"content-type", b"text/plain")])
    assert body["body"].startswith(b"The local engine ")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("POST", "/_localstack/state/reset"),
        ("GET", "/"),
        ("OPTIONS", "/"),
        ("POST", "//"),
        ("POST", "/"),
        ("POST", "/another-key"),
        ("POST", "/a-key/_ministack/reset"),
        ("POST", "/\udcff"),
        ("GET", "/a-key"),
        ("GET", "/_ministack/lambda-code/x"),
    ],
)
def test_only_dynamodb_is_served(method: str, path: str) -> None:
    """Requests without the key are refused, and those that delete all data or change the configuration."""
    assert sent(method, path, CLIENT)[0]["status"] == 403


def test_web_sockets_are_closed() -> None:
    """Pages may open them to any address without asking (no preflight)."""
    assert sent("GET", "/", CLIENT, "websocket") == [{"type": "websocket.close", "code": 1008}]


def test_a_second_host_does_not_hide_behind_the_first() -> None:
    """RFC 9112 §3.2: a request with two Host headers is refused."""
    assert sent("POST", f"/{KEY}", {**CLIENT, "Host": "rebound.example"})[0]["status"] == 403


def test_the_engine_starts_and_ends_as_before() -> None:
    """ASGI's lifespan events have no headers, and pass."""
    assert sent("", "", {}, "lifespan") == [{"type": "passed"}]
