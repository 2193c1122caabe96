"""A request as the operations see it, whatever gateway it came through."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from chalice.app import Request as ChaliceRequest

from chalicelib.errors import MalformedRequestError
from chalicelib.settings import LOCAL_URL, Settings

SURROGATE = re.compile(r"[\ud800-\udfff]")  # Python's text has no pairs


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request.

    :param path: as the caller wrote it, without query.
    :param headers: names in lower case.
    :param body: undecoded, empty if there is none; None if the gateway's encoding of it is broken.
    :param source: the address of the caller as the gateway saw it, or our own distribution (edge.py).
    :param base_url: the public URL of the stage, without a trailing slash.
    :param route: as declared, such as /api/v1/teams/{team_id}.
    """

    method: str
    path: str
    headers: dict[str, str]
    query: dict[str, list[str]]
    body: bytes | None
    source: str
    request_id: str
    base_url: str
    route: str = ""

    @property
    def path_of_route(self) -> str:
        """The path that the route describes; API Gateway leaves the base path of a domain in front of it."""
        path = self.path.rstrip("/")
        parts = path.rsplit("/", self.route.count("/")) if self.route else [path]
        return "/".join(["", *parts[1:]]) if len(parts) > 1 else path

    def check_text(self, more: Iterable[str] = ()) -> None:
        """Check that everything but the body is Unicode text: JSON brings half of a surrogate pair, too.

        :param more: what else the gateway took from the request.
        :raises MalformedRequestError: there is half of a pair.
        """
        values = (value for values in self.query.values() for value in values)
        text = "".join((self.path, *self.query, *values, *self.headers, *self.headers.values(), *more))
        if not text.isascii() and SURROGATE.search(text):
            raise MalformedRequestError("Path, query or headers hold half of a surrogate pair.")


def with_head(methods: Collection[str]) -> list[str]:
    """Return methods in order, with HEAD wherever GET is (RFC 9110 §9.1)."""
    return sorted({*methods, *(["HEAD"] if "GET" in methods else [])})


def read_request(request: ChaliceRequest, settings: Settings) -> Request:
    """Take from Chalice's request what operations may see."""
    event: dict[str, Any] = request.to_original_event()
    context = request.context
    return Request(
        method=request.method,
        path=path_of(event),
        headers={name.lower(): value for name, value in request.headers.items()},
        query=event.get("multiValueQueryStringParameters") or {},
        body=_body(request),
        source=str(context.get("identity", {}).get("sourceIp") or "unknown"),
        request_id=request_id(request),
        base_url=base_url(context, settings),
        route=str(context.get("resourcePath", "")),
    )


def _body(request: ChaliceRequest) -> bytes | None:
    try:
        body = request.raw_body
        return body.encode() if isinstance(body, str) else body
    except ValueError:
        return None


def path_of(event: dict[str, Any]) -> str:
    """Return the path that was called, without the stage that requestContext has in front of it."""
    context: dict[str, Any] = event.get("requestContext", {})
    return str(event.get("path") or context.get("path") or context.get("resourcePath", ""))


def request_id(request: ChaliceRequest | None) -> str:
    """Return the id of the request, the one that the gateway's and the function's logs show."""
    context = request.context if request else {}
    own = getattr(request.lambda_context, "aws_request_id", None) if request else None
    return str(context.get("requestId") or own or "unknown")


def base_url(context: dict[str, Any], settings: Settings) -> str:
    """Derive the public URL of the stage: from settings, else from what API Gateway sets.

    Never from Host or X-Forwarded-*, which a caller can forge.
    """
    if settings.public_url:
        return settings.public_url
    domain, stage = context.get("domainName"), context.get("stage")
    if not domain:
        return LOCAL_URL
    return f"https://{domain}/{stage}" if ".execute-api." in domain else f"https://{domain}"
