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
LENGTH = re.compile(r"[0-9]{1,18}")


def host(headers: Message) -> str:
    """Return the host that a request is for, without its port."""
    hosts = headers.get_all("host", [])
    if len(hosts) != 1:
        raise MalformedRequestError("A request needs exactly one Host header.")
    return PORT.sub("", hosts[0]).lower()


def body_length(headers: Message) -> int:
    """Give the declared length of the body."""
    # Only the header block was parsed: what the parser misses in a multipart body is not there to be found.
    defects = [defect for defect in headers.defects if not isinstance(defect, BODY_DEFECTS)]
    if defects or not all(HEADER_NAME.fullmatch(name) for name in headers):
        raise MalformedRequestError("The header lines are malformed.")
    if "transfer-encoding" in headers:
        raise MalformedRequestError("Send the body with Content-Length, not in chunks.")
    lengths = set(headers.get_all("content-length", ["0"]))
    length = lengths.pop()
    if lengths or not LENGTH.fullmatch(length):
        raise MalformedRequestError("Content-Length must be one non-negative whole number.")
    return int(length)


def require_small(length: int) -> None:
    """Refuse a body over the limit."""
    if length > BODY_LIMIT:
        raise PayloadTooLargeError


def read_body(stream: BufferedIOBase, headers: Message) -> bytes | None:
    """Read the body, or None where there is none."""
    length = body_length(headers)
    try:
        require_small(length)
    except PayloadTooLargeError:
        drain(stream, min(length, DRAIN_LIMIT))
        raise
    body = stream.read(length)
    if len(body) < length:
        raise MalformedRequestError("The body ended before Content-Length was reached.")
    return body or None


def drain(stream: BufferedIOBase, length: int) -> None:
    """Read and forget: a client that is still sending would not see the answer otherwise."""
    while length > 0 and (chunk := stream.read(min(CHUNK, length))):
        length -= len(chunk)
