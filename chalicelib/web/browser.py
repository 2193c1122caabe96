"""How a browser is known again: cookies, and where it says that a request comes from."""

import re
import secrets

from chalicelib.web.call import Call

OWN = ("same-origin", "none")  # Fetch Metadata: sent by a page of ours, or typed
BROWSER = re.compile(r"[\w-]{43}", re.ASCII)  # 256 random bits


def cookie_name(call: Call, name: str) -> str:
    """Return the full name of a cookie.

    Browsers take the prefix only from https; it keeps other hosts of the domain from setting the cookie.
    """
    return f"__Host-{name}" if call.request.base_url.startswith("https:") else name


def read_cookie(call: Call, name: str, shape: re.Pattern[str]) -> str | None:
    """Return the value of a cookie of ours, if the browser sent one; other cookies may be odd."""
    pairs = (pair.strip().partition("=") for pair in call.request.headers.get("cookie", "").split(";"))
    wanted = cookie_name(call, name)
    return next((value for found, _, value in pairs if found == wanted and shape.fullmatch(value)), None)


def set_cookie(call: Call, name: str, value: str, *, seconds: int | None = None) -> str:
    """Return the Set-Cookie header of a cookie.

    :param seconds: how long the browser keeps it; None until it is closed, 0 to delete it.
    """
    secure = "; Secure" if call.request.base_url.startswith("https:") else ""
    age = "" if seconds is None else f"; Max-Age={seconds}"
    return f"{cookie_name(call, name)}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"


def browser_of(call: Call) -> str | None:
    """Return the secret by which a browser is known, if it sent one."""
    return read_cookie(call, "grail", BROWSER)


def new_browser(call: Call) -> tuple[str, str]:
    """Return a new secret for a browser, and the Set-Cookie header that gives it away."""
    browser = secrets.token_urlsafe(32)
    return browser, set_cookie(call, "grail", browser)


def is_from_own_page(call: Call) -> bool:
    """Whether the browser says that a page of ours sent this, or says nothing."""
    return call.request.headers.get("sec-fetch-site", OWN[0]) in OWN
