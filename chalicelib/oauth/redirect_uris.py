"""Where browsers may be sent with a code: which URIs clients may register, and which are the same."""

import re
from urllib.parse import parse_qs, urlsplit

from marshmallow import ValidationError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
MAX_URI = 2048  # characters
# RFC 8252 §7.1: a private-use scheme is a domain name in reverse, so it has a dot.
PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+", re.IGNORECASE)
# What RFC 3986 would allow beyond it has no place in a host, and could end a directive of a content policy.
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
# What an answer adds (RFC 6749 §4.1.2, RFC 9207): a URI that has it already would say two things at once.
ANSWERS = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})
UNSAFE = re.compile(r"[^\x21-\x7e]|[\\\"<>^`{|}]")


def validate_redirect_uri(value: str) -> None:
    """Refuse what no client may be redirected to.

    :raises ValidationError: it is neither https, nor http on loopback, nor of a private-use scheme.
    """
    if not _is_redirect_uri(value):
        raise ValidationError(
            "Must be an absolute https URI, http on a loopback address, or of a private-use scheme with a "
            "dot in it; without fragment, user name, characters that have to be encoded, or the "
            "parameters of an authorization response."
        )


def _is_redirect_uri(value: str) -> bool:
    if len(value) > MAX_URI or UNSAFE.search(value) or "#" in value:
        return False
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
        names = parse_qs(parts.query, keep_blank_values=True).keys()
    except ValueError:
        return False
    if parts.username is not None or not ANSWERS.isdisjoint(names):
        return False
    if parts.scheme == "https":
        return host is not None and HOST.fullmatch(host) is not None
    if parts.scheme == "http":
        return host in LOOPBACK
    return PRIVATE_SCHEME.fullmatch(parts.scheme) is not None


def is_same_uri(given: str, registered: str) -> bool:
    """Whether two URIs are exactly the same.

    The port of a loopback address is the application's choice (RFC 8252 §7.3).
    """
    if given == registered:
        return True
    # urlsplit normalizes what is not ASCII, in quadratic time; no registered URI has such characters.
    if not given.isascii() or len(given) > MAX_URI:
        return False
    return given.startswith("http:") and _without_port(given) == _without_port(registered) is not None


def _without_port(uri: str) -> str | None:
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme != "http" or host not in LOOPBACK or parts.username is not None:
        return None
    suffix = "" if port is None else f":{port}"
    if not parts.netloc.endswith(suffix):
        return None
    return uri.replace(parts.netloc, parts.netloc.removesuffix(suffix), 1)
