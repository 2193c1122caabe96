"""Operations that will be removed: what their answers say, and who still calls them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import quote

from chalice.app import Response

from chalicelib.telemetry.measure import count

HEADERS = ("Deprecation", "Sunset")
DEPRECATED_CALLS = "deprecated_calls"  # a metric


class Named(Protocol):
    """Whatever the route table knows by a name: an operation."""

    @property
    def name(self) -> str:
        """The operationId."""
        ...


@dataclass(frozen=True, kw_only=True)
class Deprecation:
    """When an operation is deprecated and removed, and what replaces it.

    :param since: the day from which clients should not use it any more (UTC).
    :param sunset: the day from which it may be gone (UTC).
    :param successor: the operation to use instead; answers link to it if its path needs no other
        parameters.
    :param guide: URL of a page about the change, if there is one.
    :raises ValueError: it is to be gone before it is deprecated.
    """

    since: date
    sunset: date
    successor: Named | None = None
    guide: str = ""

    def __post_init__(self) -> None:
        if self.sunset <= self.since:
            raise ValueError("sunset has to be later than since")

    def headers(self, base_url: str, paths: Mapping[str, str], params: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of an answer: Deprecation (RFC 9745), Sunset (RFC 8594) and Link.

        :param paths: of operations, by name.
        :param params: the parts of the path that was called.
        """
        found = {
            "Deprecation": f"@{int(_midnight(self.since).timestamp())}",
            "Sunset": format_datetime(_midnight(self.sunset), usegmt=True),
        }
        links = [f'<{self.guide}>; rel="deprecation"'] if self.guide else []
        path = paths[self.successor.name] if self.successor else ""
        if path and params.keys() >= set(re.findall(r"{(\w+)}", path)):
            # what is encoded already stays as it is; half of a surrogate pair is refused, with a link, too
            parts = {name: quote(value, safe="%", errors="replace") for name, value in params.items()}
            target = path.format(**parts)
            links.append(f'<{base_url}{target}>; rel="successor-version"')  # RFC 5829
        return {**found, "Link": ", ".join(links)} if links else found


def header_names(deprecation: Deprecation | None) -> tuple[str, ...]:
    """Return the headers that answers may have because of a deprecation."""
    if deprecation is None:
        return ()
    return (*HEADERS, "Link") if deprecation.successor or deprecation.guide else HEADERS


def announce(response: Response, headers: Mapping[str, str]) -> None:
    """Add the headers of a deprecation to an answer, and count the call.

    The line of the request in the log has the client, so that whoever still calls can be told.
    """
    count(DEPRECATED_CALLS)
    for name, value in headers.items():
        before = response.headers.get(name)
        response.headers[name] = f"{before}, {value}" if before else value


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
