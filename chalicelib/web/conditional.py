"""Conditional requests: an item's ETag is its version (RFC 9110 §8.8.3, §13.1)."""

import hashlib
import re
from functools import lru_cache

from chalicelib.db.table import Item
from chalicelib.errors import PreconditionFailedError
from chalicelib.web.call import Request

MAX_TAGS = 8192  # characters of a condition
_TAG = r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")'
ENTITY_TAG = re.compile(_TAG)
ENTITY_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")


def etag_of(item: Item) -> str:
    """Return the strong entity tag of an item."""
    return f'"{int(item.version)}"'


def etag_of_list(*parts: str) -> str:
    """Return the weak entity tag of a list: what it shows may be the same again, byte for byte or not."""
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f'W/"{digest[:32]}"'


@lru_cache(maxsize=32)
def etag_of_text(text: str) -> str:
    """Return the strong entity tag of what has no version; a text that comes again is hashed once."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def check_preconditions(request: Request, item: Item) -> None:
    """Hold a write back if the caller has seen another version; `*` and lists of tags work.

    :raises PreconditionFailedError: no tag of If-Match is the present one by strong comparison, so a weak one
        never is; or one of If-None-Match is by weak comparison, or cannot be read.
    """
    header = request.headers.get("if-match")
    if header is not None and header.strip() != "*" and etag_of(item) not in _tags(header, weak=False):
        raise PreconditionFailedError
    if _names(request, etag_of(item)):
        raise PreconditionFailedError("If-None-Match names the present version: nothing was changed.")
    header = request.headers.get("if-none-match")
    if header is not None and header.strip() != "*" and not _is_list(header):
        raise PreconditionFailedError("If-None-Match is no list of ETags: nothing was changed.")


def is_known(request: Request, tag: str) -> bool:
    """Whether the caller of a GET or HEAD has the version of a tag already (weak comparison)."""
    return request.method in ("GET", "HEAD") and _names(request, tag)


def _names(request: Request, tag: str) -> bool:
    header = request.headers.get("if-none-match")
    if header is None:
        return False
    return header.strip() == "*" or tag.removeprefix("W/") in _tags(header, weak=True)


def _tags(header: str, *, weak: bool) -> set[str]:
    # What is no list of tags names none: a condition that can't be read does not hold.
    if not _is_list(header):
        return set()
    return {tag for prefix, tag in ENTITY_TAG.findall(header) if weak or not prefix}


def _is_list(header: str) -> bool:
    return len(header) <= MAX_TAGS and ENTITY_TAGS.fullmatch(header) is not None
