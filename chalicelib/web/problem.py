"""RFC 9457 problems: rendering ours, and reshaping what Chalice says on its own."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from chalice.app import Request as ChaliceRequest
from chalice.app import Response

from chalicelib.errors import (
    ApiError,
    MalformedRequestError,
    MethodNotAllowedError,
    NotFoundError,
)
from chalicelib.settings import Settings
from chalicelib.telemetry.measure import note
from chalicelib.web.cors import cors_headers
from chalicelib.web.media import PROBLEM_JSON
from chalicelib.web.request import base_url, path_of, request_id

URI = "/%:@!$&'()*+,;=~"
CHALLENGE = "WWW-Authenticate"

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}


def problem_body(error: ApiError, *, base: str, instance: str, request: str) -> dict[str, Any]:
    """Describe an error as RFC 9457 has it.

    :param base: the public URL of the stage, under which `type` resolves to a page.
    :param instance: the path that was called.
    :param request: the request id.
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
