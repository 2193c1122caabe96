"""What ties a form to the browser that it was shown in: a cookie, and a sealed ticket in the form.

A form that another site sends has no cookie of ours, one that an attacker fetched has another browser's.
"""

import re
import secrets
import time

from chalicelib.security.seals import seal, unseal
from chalicelib.web.call import Call

OWN = ("same-origin", "none")  # Fetch Metadata: sent by a page of ours, or typed
BROWSER = re.compile(r"[\w-]{43}", re.ASCII)  # 256 random bits
DIGITS = re.compile(r"\d{1,12}", re.ASCII)
FORM = "form"


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


def make_form_ticket(call: Call, browser: str, form: str) -> str:
    """Return the hidden field of a form, which is good for some minutes.

    :param form: name of the form, and whatever it is about.
    """
    until = int(time.time()) + call.context.settings.sign_in_page_lifetime
    return seal(call.context.keyring.mac_key("ticket"), (FORM, browser, form), str(until))


def is_form_ticket(call: Call, form: str, sealed: str) -> bool:
    """Whether a form came back in time, from the browser that it was made for."""
    browser = browser_of(call)
    if browser is None or not is_from_own_page(call):
        return False
    text = unseal(call.context.keyring.mac_key("ticket"), (FORM, browser, form), sealed) or ""
    return DIGITS.fullmatch(text) is not None and time.time() < int(text)
