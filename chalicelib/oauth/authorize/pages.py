"""The pages of the authorization endpoint: plain HTML that works without scripts and sessions.

The ticket in each form ties it to the browser, the request and the person.
"""

import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from chalicelib.db import keys
from chalicelib.errors import ApiError, ConflictError
from chalicelib.oauth.authorize.models import AuthorizationRequest
from chalicelib.oauth.authorize.request import RefusedRequestError
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.errors import AccessDeniedError, OAuthError
from chalicelib.scopes import scope_text
from chalicelib.users.models import User
from chalicelib.web.call import Call, Request
from chalicelib.web.form import make_form_ticket, open_form_ticket
from chalicelib.web.operation import Reply
from chalicelib.web.page import base_of, error_page, fill, lay_out, show

FOLDER = Path(__file__).with_name("pages")


class ShownAgainError(ConflictError):
    """Raised by a commit to show a page again, with what is wrong on it."""

    def __init__(self, page: Reply) -> None:
        super().__init__()
        self.page = page


@dataclass(frozen=True)
class Ticket:
    """A form that came back in time.

    :param registration: of the client that the page was shown for.
    :param owner: the client's, so that both can be read at once.
    :param user_id: who signed in before it, if it is the consent page's.
    :param client_version: of the client as the page showed it.
    :param scopes: those that the page asked for, sorted.
    """

    id: str
    registration: str | None
    owner: str
    user_id: str | None = None
    credentials_version: int = 0
    client_version: int = 0
    scopes: Sequence[str] = ()


def make_ticket(
    call: Call,
    browser: str,
    client: OAuth2Client,
    user: User | None = None,
    scopes: frozenset[str] = frozenset(),
) -> str:
    """Return the hidden field of the sign-in page or, for a user, of the consent page.

    :param scopes: what the page asks for; which of a client's scopes that may be changes with its owner, too.
    """
    contents: list[Any] = [keys.new_id(), client.registration_id, client.user_id]
    if user:
        contents += [user.id, int(user.credentials_version), int(client.version), sorted(scopes)]
    return make_form_ticket(call, browser, _form(call), contents)


def open_ticket(call: Call, sealed: str) -> Ticket | None:
    """Read the hidden field of a form; None if it is too old, or of another browser or request."""
    contents = open_form_ticket(call, _form(call), sealed)
    return Ticket(*contents) if contents else None


def _form(call: Call) -> str:
    query = urlencode(sorted(call.request.query.items()), doseq=True)
    return f"authorize {hashlib.sha256(query.encode()).hexdigest()}"


def sign_in_page(
    call: Call, asked: AuthorizationRequest, error: ApiError | None = None, *, username: str = ""
) -> Reply:
    """Ask for username and password; after an error, once more."""
    return show(
        call,
        FOLDER / "sign_in.html",
        "Sign in",
        _common(call, asked) | {"username": username},
        seal=lambda call, browser, _: make_ticket(call, browser, asked.client),
        error=error,
        help=_help(call),
    )


def consent_page(call: Call, asked: AuthorizationRequest, user: User) -> Reply:
    """Ask whether a client may do what it wants to."""
    words = [scope_text(name, is_admin=user.is_admin) for name in sorted(asked.scopes)]
    return show(
        call,
        FOLDER / "consent.html",
        "Allow access?",
        _common(call, asked) | {"username": user.username},
        seal=lambda call, browser, _: make_ticket(call, browser, asked.client, user, asked.scopes),
        scopes="\n".join(f"      <li>{html.escape(text)}</li>" for text in words),
    )


def render_error(request: Request, error: ApiError) -> Reply:
    """Show what went wrong; where a client is certain, with a link that brings the error to it."""
    if isinstance(error, ShownAgainError):
        return error.page
    shown = error_page(request, error)
    if not isinstance(error, RefusedRequestError):
        return shown
    texts = _client(error.asked, error.error) | {"code": error.error.code}
    texts |= {"detail": error.detail, "request_id": request.request_id}
    refused = lay_out(request, "Something went wrong", fill(FOLDER / "refused.html", texts), error.status)
    return replace(refused, headers=shown.headers)


def _help(call: Call) -> str:
    """Return the link to the page for forgotten passwords, if the route table has one."""
    path = call.paths.get("show_forgotten_password")
    return f'<a href="{html.escape(base_of(call) + path)}">Forgot your password?</a>' if path else ""


def _common(call: Call, asked: AuthorizationRequest) -> dict[str, str]:
    action = f"authorize?{urlencode(call.request.query, doseq=True)}"
    return {"action": action, **_client(asked, AccessDeniedError())}


def _client(asked: AuthorizationRequest, error: OAuthError) -> dict[str, str]:
    """Return what a page says of a client, and the address that brings an error to it.

    The person follows that as a link whose text says where it leads. It is no redirect, which would have to
    wait for the sign-in (RFC 9700 §4.11.2), and no form.
    """
    parts = urlsplit(asked.redirect_uri)
    # A private-use scheme leads to an app on the device, whatever host may stand behind it.
    is_site = parts.scheme in ("https", "http")
    return {
        "client": asked.client.shown_name,
        "destination": parts.netloc if is_site else f"the app ({parts.scheme})",
        "back": asked.refusal(error),
    }
