"""The headers of requests and answers, each described once: CORS, OPTIONS and OpenAPI read this."""

from typing import Any

from chalicelib.idempotency import MAX_LENGTH, TEXT
from chalicelib.web.conditional import ENTITY_TAGS, MAX_TAGS

IF_MATCH, IF_NONE_MATCH, IDEMPOTENCY_KEY = "If-Match", "If-None-Match", "Idempotency-Key"
DEPRECATION = ("Deprecation", "Sunset")
ORIGIN = "Access-Control-Allow-Origin"
_TAG = '"3"'
MEDIA_TYPES = "^[a-z+-]+/[a-z+-]+(, [a-z+-]+/[a-z+-]+)*$"
REQUEST_ID = "^[A-Za-z0-9._=-]+$"
CHALLENGE, MAX_CHALLENGE = "^(Basic|Bearer)( [ -~]+)?$", 256
MAX_WAIT = 366 * 86_400  # seconds: the longest window of a rate limit that makes sense
MAX_SAFE = 2**53 - 1  # what every JSON parser reads exactly (RFC 8259 §6)
# The gateway takes 10,240 bytes of request line and headers; a link may have all of it, percent-encoded.
MAX_LINK = 3 * 10_240


def _text(most: int, pattern: str) -> dict[str, Any]:
    return {"type": "string", "maxLength": most, "pattern": pattern}


_LINK = '<[!-;=?-~]+>; rel="[a-z-]+"'
# Those of answers: description, schema, and an example.
RESPONSE: dict[str, tuple[str, dict[str, Any], Any]] = {
    "Accept": ("Media types that the body may have.", _text(256, MEDIA_TYPES), "application/json"),
    "Accept-Encoding": (
        "Encodings that the body may have (RFC 9110 §12.5.3).",
        {"type": "string", "enum": ["identity"]},
        "identity",
    ),
    "Accept-Patch": (
        "Media types that the patch may have.",
        _text(256, MEDIA_TYPES),
        "application/json-patch+json, application/json, application/merge-patch+json",
    ),
    ORIGIN: (
        "The page's origin, if it is one of those that may read answers (CORS).",
        _text(270, r"^https?://[A-Za-z0-9.:\[\]-]+$"),
        None,
    ),
    "Deprecation": (
        "When the operation was deprecated, or will be: seconds since 1970 (RFC 9745).",
        _text(16, "^@[0-9]+$"),
        "@1798761600",
    ),
    "ETag": (
        "The version of what was sent; lists have weak ones.",
        _text(36, '^(W/)?"[0-9a-f]{1,32}"$'),
        _TAG,
    ),
    "Idempotent-Replayed": (
        "The request was answered before: this is the same answer again.",
        {"type": "string", "enum": ["true"]},
        "true",
    ),
    "Link": (
        'Related addresses (RFC 8288): rel="next" is the next page, "successor-version" replaces this one.',
        _text(MAX_LINK, f"^{_LINK}(, {_LINK})*$"),
        '<https://api.test/api/v1/teams?cursor=c3Rh>; rel="next"',
    ),
    "Location": (
        "Where the new one is, or where the browser continues.",
        {"type": "string", "format": "uri", "maxLength": MAX_LINK},
        None,
    ),
    "RateLimit": (
        "What is left of each limit (r), and the seconds until it is whole again (t).",
        _text(256, r'^"[a-z0-9-]+";r=[0-9]+;t=[0-9]+(, "[a-z0-9-]+";r=[0-9]+;t=[0-9]+)*$'),
        '"default";r=9;t=42',
    ),
    "RateLimit-Policy": (
        "How many calls (q) each limit allows in so many seconds (w).",
        _text(256, r'^"[a-z0-9-]+";q=[0-9]+;w=[0-9]+(, "[a-z0-9-]+";q=[0-9]+;w=[0-9]+)*$'),
        '"default";q=10;w=60',
    ),
    "Retry-After": (
        "Seconds to wait.",
        {"type": "integer", "format": "int32", "minimum": 0, "maximum": MAX_WAIT},
        60,
    ),
    "Set-Cookie": (
        "Identifies this browser, or who is signed in to the account page, until the browser is closed.",
        _text(
            192,
            r"^(__Host-)?grail(-account)?=[A-Za-z0-9._-]*; Path=/; HttpOnly; SameSite=Lax(; Secure)?"
            r"(; Max-Age=0)?$",
        ),
        "__Host-grail=c29tZXRoaW5n; Path=/; HttpOnly; SameSite=Lax; Secure",
    ),
    "Sunset": (
        "When the operation may be gone (RFC 8594).",
        _text(29, "^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$"),
        "Thu, 01 Jul 2027 00:00:00 GMT",
    ),
    "WWW-Authenticate": (
        "How to authenticate (RFC 6750 §3, RFC 7617); in AWS it arrives as X-Amzn-Remapped-WWW-Authenticate.",
        _text(MAX_CHALLENGE, CHALLENGE),
        'Bearer error="invalid_token"',
    ),
    "X-Request-Id": ("Names the request in the logs.", _text(128, REQUEST_ID), None),
    "X-Total-Count": (
        "How many there are altogether.",
        {"type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_SAFE},
        42,
    ),
}


# Those of requests; which operations heed them, `Operation.headers` derives.
REQUEST: dict[str, tuple[str, dict[str, Any]]] = {
    IF_MATCH: (
        "ETags, one of which has to be the present one; else nothing is changed: 412.",
        _text(MAX_TAGS, rf"^([ \t]*\*[ \t]*|{ENTITY_TAGS.pattern})$"),
    ),
    IF_NONE_MATCH: (
        (
            "ETags of versions that you have; if one is the present one, the answer to a GET is 304, and to "
            "others 412."
        ),
        {"type": "string"},
    ),
    IDEMPOTENCY_KEY: (
        (
            "A new UUID for each new request. If the same request comes again with it within 24 hours, it "
            "has no second effect and gets the same answer."
        ),
        _text(MAX_LENGTH + 2, f"^({TEXT.pattern})$"),
    ),
}

# What pages of other origins may send and read, beyond what browsers always let them (CORS).
SENDABLE = ("Authorization", "Content-Type", *REQUEST)
REMAPPED = "X-Amzn-Remapped-WWW-Authenticate"  # what API Gateway makes of WWW-Authenticate
READABLE = tuple(sorted({"Allow", REMAPPED, *RESPONSE} - {ORIGIN, "Set-Cookie"}))
