"""Refusals: how to authenticate (RFC 9110 §11.6.1), also behind a gateway that renames the header."""

from .exceptions import ApiException

NAMES = ("WWW-Authenticate", "X-Amzn-Remapped-WWW-Authenticate")


def challenge_of(error: ApiException) -> str | None:
    """Return the challenge of a refusal, such as `Bearer error="invalid_token"`; None if it has none."""
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return next((headers[name.lower()] for name in NAMES if name.lower() in headers), None)
