"""Responses: of handlers, of refusals (RFC 9457), and to other origins.

Chalice's own errors get our form, and each response the headers that all of them have.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from chalice.app import Request as ChaliceRequest
from chalice.app import Response

from chalicelib.db.table import Item
from chalicelib.errors import (
    ApiError,
    MalformedRequestError,
    MethodNotAllowedError,
    NotFoundError,
)
from chalicelib.settings import Settings
from chalicelib.telemetry.measure import count, note
from chalicelib.web.body import schema_of
from chalicelib.web.call import Call, Request, base_url, path_of, request_id
from chalicelib.web.conditional import etag_of, etag_of_list, etag_of_text, is_known
from chalicelib.web.headers import READABLE, SENDABLE
from chalicelib.web.media import JSON, PROBLEM_JSON
from chalicelib.web.operation import Docs, Operation, Reply

LOCAL_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?")
MAX_AGE = 7200  # seconds: Chromium's cap; every preflight that is not sent saves an invocation
URI = "/%:@!$&'()*+,;=~"
CHALLENGE = "WWW-Authenticate"
DEPRECATED_CALLS = "deprecated_calls"  # a metric

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}


def refusal(request: Request, error: ApiError, operation: Operation | None) -> Response:
    """Render an error in the form that the operation has for its errors, else as a problem."""
    if operation and operation.gives.errors:
        return as_response(operation.gives.errors(request, error), {"Cache-Control": "no-store"})
    return problem_response(error, base=request.base_url, instance=request.path, request=request.request_id)


def send(call: Call, operation: Operation, reply: Reply) -> Response:
    """Answer with a text, unless the caller has it already."""
    headers = {"Cache-Control": "no-store"} if operation.gives.no_store else {}
    if operation.gives.etag:
        headers |= {**reply.headers, "ETag": etag_of_text(reply.value)}
        if is_known(call.request, headers["ETag"]):
            return empty_response(304, headers)
    return as_response(reply, headers)


def as_response(reply: Reply, headers: dict[str, str]) -> Response:
    """Turn a reply that is text into a response, which says in which encoding it is."""
    kind = reply.media_type
    charset = "; charset=utf-8" if kind.startswith("text/") else ""
    more: dict[str, str | list[str]] = {"Content-Type": kind + charset, **headers, **reply.headers}
    return Response(reply.value, more, reply.status)


def dump(call: Call, operation: Operation, result: Any) -> Response:
    """Render what a handler returned: an item, a page of items, or a reply."""
    gives = operation.gives
    reply = result if isinstance(result, Reply) else Reply(result)
    if reply.media_type:
        return send(call, operation, reply)
    headers = {"Cache-Control": "no-store"} if gives.no_store else {}
    headers |= reply.headers
    value = reply.value
    if gives.etag and isinstance(value, Item):
        headers["ETag"] = etag_of(value)
        if is_known(call.request, headers["ETag"]):
            return empty_response(304, headers)
    if gives.status == 204:
        return empty_response(204, headers)
    if gives.schema:
        value = schema_of(gives.schema).dump(value, many=gives.many)
    response = json_response(gives.status, value, headers, JSON)
    if gives.many:
        tag = etag_of_list(response.body, *(f"{name}: {value}" for name, value in sorted(headers.items())))
        response.headers["ETag"] = tag
        if is_known(call.request, tag):
            return empty_response(304, {"ETag": tag})
    return response


def announce(
    response: Response,
    docs: Docs,
    base_url: str,
    paths: Mapping[str, str],
    params: Mapping[str, str],
) -> None:
    """Add the headers of an operation that is deprecated to its answer, and count the call.

    They are Deprecation (RFC 9745), Sunset (RFC 8594) and Link. The line of the request in the log has the
    client, so that whoever still calls can be told.
    """
    if docs.deprecated is None:
        return
    count(DEPRECATED_CALLS)
    response.headers["Deprecation"] = f"@{int(_midnight(docs.deprecated).timestamp())}"
    response.headers["Sunset"] = format_datetime(_midnight(docs.sunset), usegmt=True)
    links = [str(response.headers["Link"])] if "Link" in response.headers else []
    links += [f'<{docs.guide}>; rel="deprecation"'] if docs.guide else []
    path = paths[docs.successor.name] if docs.successor else ""
    if path and params.keys() >= set(re.findall(r"{(\w+)}", path)):
        # what is encoded already stays as it is; half of a surrogate pair is refused, with a link, too
        parts = {name: quote(value, safe="%", errors="replace") for name, value in params.items()}
        links.append(f'<{base_url}{path.format(**parts)}>; rel="successor-version"')  # RFC 5829
    if links:
        response.headers["Link"] = ", ".join(links)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def problem_body(error: ApiError, *, base: str, instance: str, request: str) -> dict[str, Any]:
    """Describe an error as RFC 9457 has it.

    :param base: the public URL of the stage, under which `type` resolves to a page.
    """
    body: dict[str, Any] = {
        "type": f"{base}/errors/{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        # a URI reference (RFC 9457 §3.1.5); what is encoded already stays as it is
        "instance": quote(instance, safe=URI, errors="replace"),
        "request_id": request,
    }
    if CHALLENGE in error.headers:
        # API Gateway renames the header (docs/errors.md), so the body carries it, too
        body["challenge"] = error.headers[CHALLENGE]
    return body | ({"errors": error.errors} if error.errors else {})


def json_response(status: int, body: Any, headers: dict[str, str], content_type: str) -> Response:
    """Build a response of JSON in UTF-8, without escapes."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, {"Content-Type": content_type, **headers}, status)


def empty_response(status: int, headers: dict[str, str]) -> Response:
    """Build a response without a body; Chalice would send `null` for None."""
    return Response("", {"Cache-Control": "no-store", **headers}, status)


def problem_response(error: ApiError, *, base: str, instance: str, request: str) -> Response:
    """Build the response for an error."""
    body = problem_body(error, base=base, instance=instance, request=request)
    return json_response(error.status, body, {"Cache-Control": "no-store", **error.headers}, PROBLEM_JSON)


def finish(
    settings: Settings, shares: Callable[[str], bool]
) -> Callable[[ChaliceRequest | None, Callable[[Any], Response]], Response]:
    """Make the middleware that every response passes.

    It gives Chalice's own errors our form, and to each response the headers that all of them carry.

    :param shares: tells of a route whether pages of other origins may read it.
    """

    def middleware(request: ChaliceRequest | None, get_response: Callable[[Any], Response]) -> Response:
        response = get_response(request)
        if response.status_code >= 400 and isinstance(response.body, dict):
            response = _reshape(request, response, settings)
        if request and request.method == "HEAD":
            response.body = ""  # the headers of GET are the whole answer (RFC 9110 §9.3.2)
        shared = request is None or shares(str(request.context.get("resourcePath")))
        return decorate(response, request, settings, shared=shared)

    return middleware


def decorate(
    response: Response, request: ChaliceRequest | None, settings: Settings, *, shared: bool = True
) -> Response:
    """Add the headers that every response has."""
    origin = request.headers.get("origin") if request and shared else None
    common = {**SECURITY_HEADERS, "X-Request-Id": request_id(request), **cors_headers(origin, settings)}
    for name, value in common.items():
        response.headers.setdefault(name, value)
    return response


def _reshape(request: ChaliceRequest | None, response: Response, settings: Settings) -> Response:
    known: dict[int, ApiError] = {
        400: MalformedRequestError(),
        404: NotFoundError(),
        405: MethodNotAllowedError(str(response.headers.get("Allow", "")).replace(",", " ").split()),
    }
    context = request.context if request else {}
    error = known.get(response.status_code, ApiError())
    note(problem=error.code_name)
    return problem_response(
        error,
        base=base_url(context, settings),
        instance=path_of(request.to_original_event()) if request else "",
        request=request_id(request),
    )


def cors_headers(origin: str | None, settings: Settings) -> dict[str, str]:
    """Headers of every response. Tokens travel in a header, so credentials (cookies) are never allowed."""
    is_local = settings.is_local and LOCAL_ORIGIN.fullmatch(origin or "")
    if origin is None or not (is_local or origin in settings.cors_origins):
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": ", ".join(READABLE),
    }


def preflight_headers(origin: str | None, methods: Iterable[str], settings: Settings) -> dict[str, str]:
    """Return the headers for a preflight; an unlisted origin gets none that permit anything."""
    common = cors_headers(origin, settings)
    if "Access-Control-Allow-Origin" not in common:
        return common
    return {
        **common,
        "Access-Control-Allow-Methods": ", ".join(sorted(methods)),
        "Access-Control-Allow-Headers": ", ".join(SENDABLE),
        "Access-Control-Max-Age": str(MAX_AGE),
    }
