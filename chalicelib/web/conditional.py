"""Conditional requests: an item's ETag is its version (RFC 9110 §8.8.3, §13.1)."""

import hashlib
import re
from functools import lru_cache

from chalicelib.db.table import Item
from chalicelib.errors import PreconditionFailedError
from chalicelib.web.request import Request

MAX_TAGS = 8192  # characters of a condition
_TAG = r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")'
ENTITY_TAG = re.compile(_TAG)
ENTITY_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")


def etag_of(item: Item) -> str:
    """Return the strong entity tag of an item."""
    return f'"{int(item.version)}"'


@lru_cache(maxsize=32)
def etag_of_text(text: str) -> str:
    """Return the strong entity tag of what has no version; a text that comes again is hashed once."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def check_if_match(request: Request, item: Item) -> None:
    """Hold a write back if the caller has seen another version; `*` and lists of tags work.

    :raises PreconditionFailedError: no tag matches by strong comparison, so a weak one never does.
    """
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return
    if etag_of(item) not in _tags(header, weak=False):
        raise PreconditionFailedError


def is_unchanged(request: Request, item: Item) -> bool:
    """Whether a GET of an item may be answered with 304."""
    return is_known(request, etag_of(item))


def is_known(request: Request, tag: str) -> bool:
    """Whether the caller of a GET or HEAD has the version of a tag already (weak comparison)."""
    header = request.headers.get("if-none-match")
    if request.method not in ("GET", "HEAD") or header is None:
        return False
    return header.strip() == "*" or tag in _tags(header, weak=True)


def _tags(header: str, *, weak: bool) -> set[str]:
    # What is no list of tags names none: a condition that can't be read does not hold.
    if len(header) > MAX_TAGS or not ENTITY_TAGS.fullmatch(header):
        return set()
    return {tag for prefix, tag in ENTITY_TAG.findall(header) if weak or not prefix}
