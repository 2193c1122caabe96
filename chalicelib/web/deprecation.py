"""Operations that will be removed: what their answers say, and who still calls them."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from urllib.parse import quote

from chalice.app import Response

from chalicelib.telemetry.measure import count
from chalicelib.web.operation import Deprecation

HEADERS = ("Deprecation", "Sunset")
DEPRECATED_CALLS = "deprecated_calls"  # a metric


def header_names(deprecation: Deprecation | None) -> tuple[str, ...]:
    """Return the headers that answers may have because of a deprecation."""
    if deprecation is None:
        return ()
    return (*HEADERS, "Link") if deprecation.successor or deprecation.guide else HEADERS


def announce(
    response: Response,
    deprecation: Deprecation,
    base_url: str,
    paths: Mapping[str, str],
    params: Mapping[str, str],
) -> None:
    """Add the headers of a deprecation to an answer, and count the call.

    They are Deprecation (RFC 9745), Sunset (RFC 8594) and Link. The line of the request in the log has the
    client, so that whoever still calls can be told.

    :param paths: of operations, by name.
    :param params: the parts of the path that was called.
    """
    count(DEPRECATED_CALLS)
    response.headers["Deprecation"] = f"@{int(_midnight(deprecation.since).timestamp())}"
    response.headers["Sunset"] = format_datetime(_midnight(deprecation.sunset), usegmt=True)
    links = [str(response.headers["Link"])] if "Link" in response.headers else []
    links += [f'<{deprecation.guide}>; rel="deprecation"'] if deprecation.guide else []
    path = paths[deprecation.successor.name] if deprecation.successor else ""
    if path and params.keys() >= set(re.findall(r"{(\w+)}", path)):
        # what is encoded already stays as it is; half of a surrogate pair is refused, with a link, too
        parts = {name: quote(value, safe="%", errors="replace") for name, value in params.items()}
        links.append(f'<{base_url}{path.format(**parts)}>; rel="successor-version"')  # RFC 5829
    if links:
        response.headers["Link"] = ", ".join(links)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
