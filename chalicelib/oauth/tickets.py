"""What ties a form of the authorization endpoint to the browser, the request and the person: no session.

A form that another site sends has no cookie of ours, one that an attacker fetched has another browser's.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlencode

from chalicelib.security.seals import seal, unseal
from chalicelib.users.models import User
from chalicelib.web.operation import Call

SIGN_IN, CONSENT = "sign-in", "consent"
OWN = ("same-origin", "none")  # Fetch Metadata: sent by a page of ours, or typed


@dataclass(frozen=True)
class Ticket:
    """A form that came back in time.

    :param user_id: who signed in before it, if it is the consent page's.
    """

    user_id: str | None = None
    credentials_version: int = 0


def _cookie_name(call: Call) -> str:
    # Browsers take the prefix from https alone; it keeps other hosts of the domain from setting it.
    return "__Host-grail" if call.request.base_url.startswith("https:") else "grail"


def browser_of(call: Call) -> str | None:
    """Give the secret by which a browser is known, if it sent one."""
    try:
        morsel = SimpleCookie(call.request.headers.get("cookie", "")).get(_cookie_name(call))
    except CookieError:
        return None
    return morsel.value if morsel else None


def new_browser(call: Call) -> tuple[str, str]:
    """Make a secret for a browser, and the Set-Cookie header that gives it away."""
    browser = secrets.token_urlsafe(32)
    secure = "; Secure" if call.request.base_url.startswith("https:") else ""
    return browser, f"{_cookie_name(call)}={browser}; Path=/; HttpOnly; SameSite=Lax{secure}"


def make_ticket(call: Call, browser: str, user: User | None = None) -> str:
    """Make the hidden field of a form.

    :param user: who signed in, for the consent page.
    """
    until = int(time.time()) + call.settings.sign_in_page_lifetime
    text = f"{until} {user.id} {int(user.credentials_version)}" if user else str(until)
    return seal(call.keyring, _purpose(call, browser, CONSENT if user else SIGN_IN), text)


def open_ticket(call: Call, text: str) -> Ticket | None:
    """Read the hidden field of a form; None if it is too old, or of another browser or request."""
    browser = browser_of(call)
    if not browser or call.request.headers.get("sec-fetch-site", OWN[0]) not in OWN:
        return None
    signed_in = unseal(call.keyring, _purpose(call, browser, CONSENT), text)
    until, *person = (
        signed_in or unseal(call.keyring, _purpose(call, browser, SIGN_IN), text) or "0"
    ).split()
    if time.time() >= int(until):
        return None
    return Ticket(person[0], int(person[1])) if person else Ticket()


def _purpose(call: Call, browser: str, step: str) -> str:
    query = urlencode(sorted(call.request.query.items()), doseq=True)
    return f"{step}\n{browser}\n{hashlib.sha256(query.encode()).hexdigest()}"
