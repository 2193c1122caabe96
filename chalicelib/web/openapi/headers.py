"""The headers of requests and answers, each described once."""

from typing import Any

from apispec import APISpec

_TAG = '"3"'
RESPONSE: dict[str, tuple[str, dict[str, Any], Any]] = {
    "Accept": ("Media types that the body may have.", {"type": "string"}, "application/json"),
    "Accept-Patch": (
        "Media types that the patch may have.",
        {"type": "string"},
        "application/json-patch+json, application/json",
    ),
    "ETag": ("The version of what was sent.", {"type": "string"}, _TAG),
    "Link": (
        'Related addresses (RFC 8288): rel="next" is the next page of a list.',
        {"type": "string"},
        '<https://api.test/api/v1/teams?cursor=c3Rh>; rel="next"',
    ),
    "Location": ("Where the new one is.", {"type": "string", "format": "uri-reference"}, None),
    "Retry-After": ("Seconds to wait.", {"type": "integer", "minimum": 0}, 60),
    "Set-Cookie": (
        "Tells this browser from others until it is closed; names nobody.",
        {"type": "string"},
        "__Host-grail=…; Path=/; HttpOnly; SameSite=Lax; Secure",
    ),
    "WWW-Authenticate": (
        "How to authenticate (RFC 6750 §3, RFC 7617).",
        {"type": "string"},
        'Bearer error="invalid_token"',
    ),
    "X-Request-Id": ("Names the request in the logs.", {"type": "string"}, None),
    "X-Total-Count": ("How many there are altogether.", {"type": "integer", "minimum": 0}, 42),
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "description": "ETags, one of which has to be the present one; else nothing is changed: 412.",
    "schema": {"type": "string"},
}
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "description": "ETags of versions that you have; if one is the present one, the answer is 304.",
    "schema": {"type": "string"},
}
PARAMETERS = {"IfMatch": IF_MATCH, "IfNoneMatch": IF_NONE_MATCH}


def add_headers(spec: APISpec) -> None:
    """Put every header into the components."""
    for name, (description, schema, example) in RESPONSE.items():
        header = {"description": description, "schema": schema}
        spec.components.header(name, header if example is None else {**header, "example": example})
    for name, parameter in PARAMETERS.items():
        spec.components.parameter(name, "header", parameter)


def refer(names: tuple[str, ...]) -> dict[str, Any]:
    """Refer to the headers of one answer; each has its request's id."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in sorted({*names, "X-Request-Id"})}
