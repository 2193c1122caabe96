"""From what a handler returned, or what was refused, to a response."""

from typing import Any

from chalice.app import Response

from chalicelib.db.table import Item
from chalicelib.errors import ApiError
from chalicelib.web.body import schema_of
from chalicelib.web.call import Call
from chalicelib.web.conditional import etag_of, etag_of_list, etag_of_text, is_known, is_unchanged
from chalicelib.web.media import JSON
from chalicelib.web.operation import Operation, Reply
from chalicelib.web.pagination import Page, page_headers
from chalicelib.web.problem import empty_response, json_response, problem_response
from chalicelib.web.request import Request


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
    if isinstance(value, Page):
        headers |= page_headers(call.request, value)
        value = value.items
    if gives.etag and isinstance(value, Item):
        headers["ETag"] = etag_of(value)
        if is_unchanged(call.request, value):
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
