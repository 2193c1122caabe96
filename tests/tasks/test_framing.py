"""Where a request's body ends: anything that two readers could take differently is refused."""

import io
from email.message import Message
from email.parser import Parser

import pytest

from chalicelib.errors import MalformedRequestError, PayloadTooLargeError
from tasks.framing import BODY_LIMIT, body_length, read_body


def headers(*lines: str) -> Message:
    """Parse header lines as http.server does."""
    return Parser().parsestr("\r\n".join([*lines, "", ""]))


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ((), 0),
        (("Content-Length: 0",), 0),
        (("Content-Length: 7",), 7),
        (("content-length: 007",), 7),
        (("Content-Length: 7", "Content-Length: 7"), 7),
    ],
)
def test_a_declared_length_is_read(lines: tuple[str, ...], length: int) -> None:
    """RFC 9112 §6.2: digits; repeated alike it is still one number."""
    assert body_length(headers(*lines)) == length


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: -1",),
        ("Content-Length: +1",),
        ("Content-Length: 1_0",),
        ("Content-Length: 0x10",),
        ("Content-Length: ٣",),
        ("Content-Length: 1, 1",),
        ("Content-Length:",),
        ("Content-Length: 9999999999999999999",),
        ("Content-Length: 1", "Content-Length: 2"),
        ("Transfer-Encoding: chunked", "Content-Length: 1"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: identity", "Content-Length: 1"),
        ("Content-Length : 1",),
        ("Content Length: 1",),
        ("no colon at all",),
    ],
)
def test_an_ambiguous_length_is_refused(lines: tuple[str, ...]) -> None:
    """RFC 9112 §6.3: request smuggling begins where two readers disagree."""
    with pytest.raises(MalformedRequestError):
        body_length(headers(*lines))


CHUNKED = headers("Transfer-Encoding: Chunked")


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"3\r\nabc\r\n00000002\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"A;name=value\r\n0123456789\r\n0;last\r\n\r\n", b"0123456789"),
        (b'2 ; a="b"\r\n\r\n\r\n0\r\nX-Checksum: 1\r\nX-Other: 2\r\n\r\n', b"\r\n"),
        (b"0\r\n\r\n", None),
    ],
)
def test_chunks_are_put_together(sent: bytes, body: bytes | None) -> None:
    """RFC 9112 §7.1: what follows the last one belongs to the next request."""
    stream = io.BytesIO(sent + b"rest")
    assert (read_body(stream, CHUNKED), stream.read()) == (body, b"rest")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"3",
        b"3\r\n",
        b"3\r\nab",
        b"3\r\nabc",
        b"3\r\nabc\r\n",
        b"3\r\nabc\r\n0\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"-3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"\r\n",
        b"000000003\r\nabc\r\n0\r\n\r\n",
        b"3;" + b"x" * 5000 + b"\r\nabc\r\n0\r\n\r\n",
        b"0\r\n" + b"X: y\r\n" * 101 + b"\r\n",
        b"x=y",
    ],
)
def test_bad_chunks_are_refused(sent: bytes) -> None:
    """RFC 9112 §7.1: nothing is guessed, or a second request could hide there."""
    with pytest.raises(MalformedRequestError):
        read_body(io.BytesIO(sent), CHUNKED)


@pytest.mark.parametrize(("length", "refused"), [(BODY_LIMIT, False), (BODY_LIMIT + 1, True)])
def test_the_limit_holds_for_chunks(length: int, refused: bool) -> None:
    """It is that of a body with a length, and the rest is read, so that the client sees the answer."""
    stream = io.BytesIO(b"%x\r\n%b\r\n0\r\n\r\n" % (length, b"x" * length))
    try:
        assert len(read_body(stream, CHUNKED) or b"") == length
    except PayloadTooLargeError:
        assert refused
    else:
        assert not refused
    assert stream.read() == b""


def test_a_body_without_an_end_is_not_read_for_ever() -> None:
    """Somewhere behind the limit the connection ends."""
    with pytest.raises(PayloadTooLargeError):
        read_body(io.BytesIO(b"ffffffff\r\n"), CHUNKED)


@pytest.mark.parametrize(("sent", "body"), [(b"abcdef", b"abc"), (b"abc", b"abc")])
def test_no_more_than_declared_is_read(sent: bytes, body: bytes) -> None:
    """RFC 9112 §6.3: what follows the body belongs to the next request."""
    stream = io.BytesIO(sent)
    assert read_body(stream, headers("Content-Length: 3")) == body
    assert stream.read() == sent[3:]


def test_no_body_is_none() -> None:
    """A request without a body differs from one with an empty JSON text."""
    assert read_body(io.BytesIO(b"rest"), headers()) is None


def test_a_body_that_ends_early_is_refused() -> None:
    """RFC 9112 §8: an incomplete message must not be taken for a complete one."""
    with pytest.raises(MalformedRequestError):
        read_body(io.BytesIO(b"ab"), headers("Content-Length: 3"))


@pytest.mark.parametrize(("length", "refused"), [(BODY_LIMIT, False), (BODY_LIMIT + 1, True)])
def test_the_limit_is_that_of_an_invocation(length: int, refused: bool) -> None:
    """Behaviour 48: more than Lambda takes is 413; it is read nonetheless, so that the client sees that."""
    stream = io.BytesIO(b"x" * length)
    try:
        read_body(stream, headers(f"Content-Length: {length}"))
    except PayloadTooLargeError:
        assert refused
    else:
        assert not refused
    assert stream.read() == b""
