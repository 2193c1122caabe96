"""The development server over a raw socket: what the deployed gateway would answer, it answers too."""

import json
import re
import socket
from collections.abc import Iterator, Sequence
from email.message import Message
from email.parser import BytesParser
from urllib.parse import urlsplit

import pytest

from tests.serving import serving


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A running server."""
    with serving() as url:
        number = urlsplit(url).port
        assert number
        yield number


def talk(
    port: int, *lines: str, body: bytes = b"", hosts: Sequence[str] = ("127.0.0.1",)
) -> tuple[int, Message, bytes]:
    """Send lines as they are, and read until the server closes."""
    ends = [*(f"Host: {host}" for host in hosts), "Connection: close", "", ""]
    head = "\r\n".join([*lines, *ends]).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        wire.sendall(head + body)
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    head, _, content = answer.partition(b"\r\n\r\n")
    status, _, fields = head.partition(b"\r\n")
    return int(status.split()[1]), BytesParser().parsebytes(fields + b"\r\n\r\n"), content


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /nowhere HTTP/1.1", 404),
        ("GET /api/v1/nowhere?x=1 HTTP/1.1", 404),
        ("GET /api/v1//users HTTP/1.1", 404),
        ("GET /api/v1/teams//members HTTP/1.1", 404),
        ("DELETE /nowhere HTTP/1.1", 404),
        ("OPTIONS /nowhere HTTP/1.1", 404),
        ("PUT /health HTTP/1.1", 405),
        ("TRACE /health HTTP/1.1", 405),
        ("BREW /health HTTP/1.1", 405),
        ("GET /a b HTTP/1.1", 400),
        ("GET /health HTTP/9.9", 400),
    ],
)
def test_what_the_gateway_refuses_is_a_problem(line: str, status: int, port: int) -> None:
    """Behaviour 51: an unknown path is a 404 problem, an unknown method 405 + Allow, a broken line 400."""
    got, headers, content = talk(port, line)
    problem = json.loads(content)
    assert (got, problem["status"], headers["Content-Type"]) == (status, status, "application/problem+json")
    assert {"type", "title", "detail", "instance", "request_id"} <= problem.keys()
    assert (headers["Allow"] is not None) == (status == 405)


def test_a_challenge_is_renamed_and_repeated_in_the_body(port: int) -> None:
    """Behaviour 51: as API Gateway does, so that what works here works there."""
    _, headers, content = talk(port, "GET /api/v1/users/me HTTP/1.1")
    assert "WWW-Authenticate" not in headers
    assert headers["X-Amzn-Remapped-WWW-Authenticate"] == json.loads(content)["challenge"] == "Bearer"


@pytest.mark.parametrize("line", ["GET /nowhere HTTP/1.1", "GET /health HTTP/1.1", "GET /a b HTTP/1.1"])
def test_security_headers_are_on_every_answer(line: str, port: int) -> None:
    """Behaviour 52: on those too that no code of the application made."""
    _, headers, _ = talk(port, line)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert int(headers["Strict-Transport-Security"].split(";")[0].removeprefix("max-age=")) >= 31_536_000
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("framing", "status"),
    [
        ("Content-Length: x", 400),
        ("Transfer-Encoding: chunked", 400),
        ("Content-Length: 1\r\nContent-Length: 2", 400),
        ("Content-Length: 7000000", 413),
    ],
)
def test_bad_framing_is_a_problem_and_ends_the_connection(framing: str, status: int, port: int) -> None:
    """Behaviour 48: no second request can hide behind a body of unclear length."""
    smuggled = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    body = b"x" * 7_000_000 if status == 413 else b""
    got, headers, content = talk(port, "POST /api/v1/users HTTP/1.1", framing, body=body + smuggled)
    assert (got, json.loads(content)["status"], headers["Connection"]) == (status, status, "close")


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["localhost:8000"], 200),
        (["LOCALHOST"], 200),
        (["[::1]:8000"], 200),
        (["127.0.0.2:8000"], 200),
        (["rebound.example:8000"], 403),
        (["127.0.0.1.rebound.example"], 403),
        (["rebound.example:127.0.0.1"], 403),
        (["[::1"], 403),
        ([""], 403),
        (["127.0.0.1", "rebound.example"], 400),
        ([], 400),
    ],
    ids=str,
)
def test_requests_for_another_host_are_refused(hosts: list[str], status: int, port: int) -> None:
    """A site whose name was rebound to this address gets neither pages nor data (DNS rebinding)."""
    got, _, content = talk(port, "GET /health HTTP/1.1", hosts=hosts)
    assert got == status
    assert status != 403 or f"http://127.0.0.1:{port}" in json.loads(content)["detail"]


@pytest.mark.parametrize("target", ["http://[::1/api", "http://[x]/"])
def test_an_address_that_is_no_url_is_refused(target: str, port: int) -> None:
    """With a problem, not by a connection that closes."""
    assert talk(port, f"GET {target} HTTP/1.1")[0] == 400


def test_a_client_for_another_host_may_not_send_its_body(port: int) -> None:
    """RFC 9110 §10.1.1: what will be refused anyway is refused before it is sent."""
    lines = ["POST /api/v1/users HTTP/1.1", "Host: rebound.example", "Expect: 100-continue"]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        wire.sendall("\r\n".join([*lines, "Content-Length: 2", "", ""]).encode())
        assert wire.recv(65536).split()[1] == b"403"


@pytest.mark.parametrize(("method", "status"), [("GET", 303), ("HEAD", 303), ("POST", 404)])
def test_the_root_leads_to_the_documentation(method: str, status: int, port: int) -> None:
    """The address that `make run` prints leads to the page."""
    got, headers, content = talk(port, f"{method} / HTTP/1.1")
    assert (got, headers["Location"]) == (status, "/api/v1" if status == 303 else None)
    assert status != 303 or content == b""


@pytest.mark.parametrize("expect", [(), ("Expect: 100-continue",)], ids=["", "expect"])
def test_a_body_in_chunks_is_read(expect: tuple[str, ...], port: int) -> None:
    """API Gateway reads it, so .NET's clients, curl -T and streams work here as well."""
    lines = ["POST /auth/oauth2/token HTTP/1.1", "Transfer-Encoding: chunked", *expect]
    form = "Content-Type: application/x-www-form-urlencoded"
    _, _, content = talk(port, *lines, form, body=b"c\r\ngrant_type=x\r\n0\r\n\r\n")
    assert b"unsupported_grant_type" in content


def test_head_has_the_length_but_no_body(port: int) -> None:
    """RFC 9110 §9.3.2: HEAD is answered without content, whatever the status."""
    _, headers, content = talk(port, "HEAD /nowhere HTTP/1.1")
    assert content == b""
    assert int(headers["Content-Length"]) > 0


def test_head_of_an_answer_claims_no_wrong_length(port: int) -> None:
    """RFC 9110 §8.6: a Content-Length in an answer to HEAD is that of GET, so 0 would be wrong."""
    status, headers, content = talk(port, "HEAD /health HTTP/1.1")
    assert (status, headers.get("Content-Length"), content) == (200, None, b"")


@pytest.mark.parametrize(("length", "status"), [(7_000_000, b"413"), (2, b"100")])
def test_a_client_that_asks_first_is_told(length: int, status: bytes, port: int) -> None:
    """RFC 9110 §10.1.1: Expect: 100-continue is answered before any body is sent."""
    lines = [
        "POST /api/v1/users HTTP/1.1",
        "Host: localhost",
        "Expect: 100-continue",
        f"Content-Length: {length}",
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        wire.sendall("\r\n".join([*lines, "", ""]).encode())
        assert wire.recv(65536).split()[1] == status


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("POST /auth/oauth2/token HTTP/1.1", 400),
        ("POST /auth/oauth2/authorize HTTP/1.1", 400),
        ("GET /health HTTP/1.1", 200),
    ],
)
@pytest.mark.parametrize("parameters", ["; boundary=x", ""])
def test_a_multipart_request_reaches_the_application(
    line: str, status: int, parameters: str, port: int
) -> None:
    """Behaviour 51: the application says what it takes, the server does not stumble over the type."""
    got, _, _ = talk(port, line, f"Content-Type: multipart/form-data{parameters}")
    assert got == status


def test_a_request_is_a_line_that_people_read(
    port: int, capfd: pytest.CaptureFixture[str], table: None
) -> None:
    """`make run` logs the result and the cost of each request, without its query."""
    talk(port, "GET /api/v1/teams?limit=secret HTTP/1.1", "Authorization: Bearer x")
    talk(port, "GET /health?deep=1 HTTP/1.1")
    talk(port, "GET /nowhere HTTP/1.1")
    told = capfd.readouterr().err
    lines = [line.partition("] ")[2] for line in told.splitlines()]
    patterns = (
        r"GET /api/v1/teams 401 \d+ ms problem=invalid-token",
        r"GET /health 200 \d+ ms round_trips=1( read_units=[\d.]+)?",
        r"GET /nowhere 404 \d+ ms",
    )
    assert len(lines) == 3, told
    assert [
        line for line, pattern in zip(lines, patterns, strict=True) if not re.fullmatch(pattern, line)
    ] == []
