"""Cross-origin requests: which pages may read answers, and what a preflight is told."""

import re
from collections.abc import Iterable

from chalicelib.settings import Settings
from chalicelib.web.headers import READABLE, SENDABLE

LOCAL_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?")
MAX_AGE = 7200  # seconds: Chromium's cap; every preflight that is not sent saves an invocation


def is_allowed(origin: str, settings: Settings) -> bool:
    """Whether pages of an origin may read answers."""
    if settings.is_local and LOCAL_ORIGIN.fullmatch(origin):
        return True
    return origin in settings.cors_origins


def cors_headers(origin: str | None, settings: Settings) -> dict[str, str]:
    """Headers of every response. Tokens travel in a header, so credentials (cookies) are never allowed."""
    if origin is None or not is_allowed(origin, settings):
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
