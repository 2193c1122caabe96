"""Requests as web code sees them."""

from typing import Any

from chalice.app import Request as ChaliceRequest

from chalicelib.db import keys
from chalicelib.db.table import Item
from chalicelib.web.call import Request


def chalice_request(context: dict[str, Any] | None = None, **event: Any) -> ChaliceRequest:
    """Build what Chalice hands over for an event."""
    whole = {"httpMethod": "GET", "resourcePath": "/health", "path": "/stage/health", "identity": {}}
    base: dict[str, Any] = {
        "headers": {},
        "body": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
    }
    return ChaliceRequest({**base, "stageVariables": {}, "requestContext": whole | (context or {}), **event})


def request(method: str = "GET", **headers: str) -> Request:
    """Build a request; underscores in header names stand for hyphens."""
    return Request(
        method=method,
        path="/health",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        query={},
        body=b"",
        source="203.0.113.7",
        request_id="a-request-id",
        base_url="https://api.grail.test",
    )


def item(version: int) -> Item:
    """Make an item of a version."""
    return Item.at(keys.counter("test"), version=version)
