"""How long a request's body is, with everything refused that could be read in two ways."""

import re
from email.errors import (
    CloseBoundaryNotFoundDefect,
    MultipartInvariantViolationDefect,
    NoBoundaryInMultipartDefect,
    StartBoundaryNotFoundDefect,
)
from email.message import Message
from io import BufferedIOBase

from chalicelib.errors import MalformedRequestError, PayloadTooLargeError

BODY_LIMIT = 6 * 1024 * 1024  # of an invocation (AWS quota); the application takes less, and says so itself
DRAIN_LIMIT = 4 * BODY_LIMIT
CHUNK = 64 * 1024
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
BODY_DEFECTS = (
    NoBoundaryInMultipartDefect,
    StartBoundaryNotFoundDefect,
    MultipartInvariantViolationDefect,
    CloseBoundaryNotFoundDefect,
)
PORT = re.compile(r":[0-9]*$")
MAX_LINE = 4096  # bytes
MAX_TRAILERS = 100
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(;[^\r\n]*)?\r\n")
LENGTH = re.compile(r"[0-9]{1,18}")


def host(headers: Message) -> str:
    """Return the host that a request is for, without its port."""
    hosts = headers.get_all("host", [])
    if len(hosts) != 1:
        raise MalformedRequestError("A request needs exactly one Host header.")
    return PORT.sub("", hosts[0]).lower()


def body_length(headers: Message) -> int | None:
    """Return the declared length of the body; None if it comes in chunks."""
    # Only the header block was parsed: what the parser misses in a multipart body is not there to be found.
    defects = [defect for defect in headers.defects if not isinstance(defect, BODY_DEFECTS)]
    if defects or not all(HEADER_NAME.fullmatch(name) for name in headers):
        raise MalformedRequestError("The header lines are malformed.")
    if "transfer-encoding" in headers:
        _require_chunked(headers)
        return None
    lengths = set(headers.get_all("content-length", ["0"]))
    length = lengths.pop()
    if lengths or not LENGTH.fullmatch(length):
        raise MalformedRequestError("Content-Length must be one non-negative whole number.")
    return int(length)


def _require_chunked(headers: Message) -> None:
    codings = [coding.strip().lower() for coding in headers.get_all("transfer-encoding", [])]
    if codings != ["chunked"] or "content-length" in headers:
        raise MalformedRequestError("Send Content-Length, or Transfer-Encoding: chunked and nothing else.")


def require_small(length: int) -> None:
    """Refuse a body over the limit."""
    if length > BODY_LIMIT:
        raise PayloadTooLargeError


def read_body(stream: BufferedIOBase, headers: Message) -> bytes | None:
    """Read the body, or None where there is none."""
    length = body_length(headers)
    if length is None:
        return read_chunks(stream) or None
    try:
        require_small(length)
    except PayloadTooLargeError:
        drain(stream, min(length, DRAIN_LIMIT))
        raise
    body = stream.read(length)
    if len(body) < length:
        raise MalformedRequestError("The body ended before Content-Length was reached.")
    return body or None


def read_chunks(stream: BufferedIOBase) -> bytes:
    """Read a body in chunks (RFC 9112 §7.1), as API Gateway does; extensions and trailers are ignored."""
    body, length, left = [], 0, DRAIN_LIMIT
    while size := _chunk_size(line := _line(stream)):
        length += size
        left -= len(line) + size
        if left < 0:
            raise PayloadTooLargeError
        chunk = stream.read(size)
        if len(chunk) < size or _line(stream) != b"\r\n":
            raise MalformedRequestError("A chunk has another length than it says.")
        if length <= BODY_LIMIT:
            body.append(chunk)
    for _ in range(MAX_TRAILERS):
        if _line(stream) == b"\r\n":
            require_small(length)
            return b"".join(body)
    raise MalformedRequestError(f"At most {MAX_TRAILERS} trailer lines are read.")


def _line(stream: BufferedIOBase) -> bytes:
    line = stream.readline(MAX_LINE)
    if not line.endswith(b"\r\n"):
        raise MalformedRequestError("The body's chunks are malformed, or end early.")
    return line


def _chunk_size(line: bytes) -> int:
    found = CHUNK_SIZE.fullmatch(line)
    if not found:
        raise MalformedRequestError("A chunk has to begin with its length in hexadecimal digits.")
    return int(found[1], 16)


def drain(stream: BufferedIOBase, length: int) -> None:
    """Read and forget: a client that is still sending would not see the answer otherwise."""
    while length > 0 and (chunk := stream.read(min(CHUNK, length))):
        length -= len(chunk)
