"""Where a request ends: ambiguous framing is refused."""

import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tasks.connection import BODY_LIMIT
from tests.serving import serving

FORM = "Content-Type: application/x-www-form-urlencoded"
CHUNKED = "Transfer-Encoding: Chunked"
NEXT = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A running server."""
    with serving() as url:
        yield urlsplit(url).port or 0


def statuses(port: int, *lines: str, body: bytes = b"", then: bytes = NEXT) -> tuple[list[int], bytes]:
    """Send a request for a token and another one; return the statuses, and all that was answered."""
    head = "\r\n".join(["POST /auth/oauth2/token HTTP/1.1", "Host: localhost", FORM, *lines, "", ""])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        wire.sendall(head.encode() + body + then)
        wire.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)], answer


FORMS = [
    ((), b"", b"invalid_request"),
    (("Content-Length: 0",), b"", b"invalid_request"),
    (("Content-Length: 12",), b"grant_type=x", b"unsupported_grant_type"),
    (("content-length: 012",), b"grant_type=x", b"unsupported_grant_type"),
    (("Content-Length: 12", "Content-Length: 12"), b"grant_type=x", b"unsupported_grant_type"),
    ((CHUNKED,), b"c\r\ngrant_type=x\r\n0\r\n\r\n", b"unsupported_grant_type"),
    ((CHUNKED,), b"b\r\ngrant_type=\r\n00000001\r\nx\r\n0\r\n\r\n", b"unsupported_grant_type"),
    ((CHUNKED,), b"C;name=value\r\ngrant_type=x\r\n0;last\r\n\r\n", b"unsupported_grant_type"),
    ((CHUNKED,), b"c\r\ngrant_type=x\r\n0\r\nX-Checksum: 1\r\n\r\n", b"unsupported_grant_type"),
    ((CHUNKED,), b"0\r\n\r\n", b"invalid_request"),
]


@pytest.mark.parametrize(("lines", "body", "error"), FORMS)
def test_what_follows_a_body_is_the_next_request(
    lines: tuple[str, ...], body: bytes, error: bytes, port: int
) -> None:
    """RFC 9112 §6 and §7.1: by its declared length, or in chunks."""
    got, answer = statuses(port, *lines, body=body)
    assert got == [400, 200]
    assert error in answer


AMBIGUOUS = [
    ("Content-Length: -1",),
    ("Content-Length: +1",),
    ("Content-Length: 1_0",),
    ("Content-Length: 0x10",),
    ("Content-Length: ٣",),
    ("Content-Length:",),
    ("Content-Length: 1", "Content-Length: 2"),
    (CHUNKED, "Content-Length: 1"),
    ("Transfer-Encoding: gzip, chunked",),
    (CHUNKED, CHUNKED),
    ("Transfer-Encoding: identity", "Content-Length: 1"),
    ("Content-Length : 1",),
    ("Content Length: 1",),
    ("no colon at all",),
]


@pytest.mark.parametrize("lines", AMBIGUOUS)
def test_an_ambiguous_length_is_refused(lines: tuple[str, ...], port: int) -> None:
    """RFC 9112 §6.3: request smuggling begins where two readers disagree, so the connection ends."""
    assert statuses(port, *lines, body=b"x=y")[0] == [400]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"3",
        b"3\r\nab",
        b"3\r\nabc\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"-3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"\r\n",
        b"3;" + b"x" * 50_000 + b"\r\nabc\r\n0\r\n\r\n",
        b"0\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        b"x=y",
    ],
)
def test_bad_chunks_are_refused(body: bytes, port: int) -> None:
    """RFC 9112 §7.1: nothing is guessed, or a second request could hide there."""
    assert statuses(port, CHUNKED, body=body, then=b"")[0] == [400]


def test_a_body_that_ends_early_is_refused(port: int) -> None:
    """RFC 9112 §8: an incomplete message must not be taken for a complete one."""
    assert statuses(port, "Content-Length: 3", body=b"ab", then=b"")[0] == [400]


@pytest.mark.parametrize("length", [BODY_LIMIT, BODY_LIMIT + 1])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_long_body_is_read_before_it_is_refused(length: int, chunked: bool, port: int) -> None:
    """Behaviour 48: a client that is still sending would not see the answer; the application takes less."""
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (length, b"x" * length) if chunked else b"x" * length
    got, _ = statuses(port, CHUNKED if chunked else f"Content-Length: {length}", body=body)
    assert got == ([413, 200] if length <= BODY_LIMIT else [413])


def test_a_body_without_an_end_is_not_read_for_ever(port: int) -> None:
    """Beyond the limit the connection is closed."""
    assert statuses(port, CHUNKED, body=b"fffffff\r\n" + b"x" * (4 * BODY_LIMIT + 65536), then=b"")[0] == [
        413
    ]
