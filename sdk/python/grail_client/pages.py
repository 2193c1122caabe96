"""Lists, page by page: the Link header says where the next page is (RFC 8288)."""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from .api_response import ApiResponse

T = TypeVar("T")
NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


def next_cursor(answer: ApiResponse[Any]) -> str | None:
    """Return the cursor of the next page; None on the last page."""
    found = NEXT.search((answer.headers or {}).get("Link", ""))
    return parse_qs(urlsplit(found[1]).query)["cursor"][0] if found else None


def every(page: Callable[..., ApiResponse[list[T]]], **arguments: Any) -> Iterator[T]:
    """Go through a list to its end.

    :param page: reads a page, such as TeamsApi(client).list_teams_with_http_info.
    :param arguments: for it, such as limit=100.
    """
    answer = page(**arguments)
    yield from answer.data
    while cursor := next_cursor(answer):
        answer = page(cursor=cursor, **arguments)
        yield from answer.data
