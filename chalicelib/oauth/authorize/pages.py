"""The pages of the authorization endpoint: plain HTML that works without scripts."""

import html
from dataclasses import replace
from functools import cache
from pathlib import Path
from string import Template
from urllib.parse import urlencode, urlsplit

from chalicelib.errors import ApiError
from chalicelib.oauth.authorize.models import AuthorizationRequest
from chalicelib.oauth.authorize.request import RefusedRequestError
from chalicelib.oauth.errors import AccessDeniedError, BadAuthorizationRequestError, OAuthError
from chalicelib.scopes import scope_text
from chalicelib.users.models import User
from chalicelib.web.call import Call
from chalicelib.web.docs import static_address
from chalicelib.web.media import HTML
from chalicelib.web.operation import Document
from chalicelib.web.request import Request

FOLDER = Path(__file__).with_name("pages")
# Without form-action: Chromium applies it to every redirect that follows a form, even those of the client's
# callback, and leaves the person on this page. The directive is against injected forms, and nobody can inject
# one: all texts are escaped, no script runs, and the server takes no form without a sealed ticket.
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def sign_in_page(
    call: Call,
    asked: AuthorizationRequest,
    ticket: str,
    *,
    username: str,
    alert: str,
    status: int,
) -> Document:
    """Ask for username and password.

    :param alert: what went wrong with the answer before this one, if anything; it has the focus then.
    """
    content = _fill(
        "sign_in",
        _common(call, asked, ticket) | {"username": username},
        alert=_fill("alert", {"alert": alert}) if alert else "",
        focus="" if alert else " autofocus",
        describedby=' aria-describedby="alert"' if alert else "",
    )
    return _page(call.request, "Sign in", content, status)


def consent_page(call: Call, asked: AuthorizationRequest, ticket: str, user: User) -> Document:
    """Ask whether a client may do what it wants to."""
    words = [scope_text(name, is_admin=user.is_admin) for name in sorted(asked.scopes)]
    scopes = "\n".join(f"      <li>{html.escape(text)}</li>" for text in words)
    content = _fill("consent", _common(call, asked, ticket) | {"username": user.username}, scopes=scopes)
    return _page(call.request, "Allow access?", content, 200)


class ShownAgainError(BadAuthorizationRequestError):
    """Raised to show a page of the endpoint again.

    :param page: with what is wrong on it.
    """

    def __init__(self, page: Document) -> None:
        super().__init__()
        self.page = page


def render_error(request: Request, error: ApiError) -> Document:
    """Show what went wrong; where a client is certain, with a link that brings the error to it."""
    if isinstance(error, ShownAgainError):
        return error.page
    texts = {"detail": error.detail, "request_id": request.request_id}
    if isinstance(error, RefusedRequestError):
        content = _fill("refused", texts | _client(error.asked, error.error) | {"code": error.error.code})
    else:
        content = _fill("error", texts)
    page = _page(request, "Something went wrong", content, error.status)
    return replace(page, headers={**page.headers, **error.headers})


def _common(call: Call, asked: AuthorizationRequest, ticket: str) -> dict[str, str]:
    action = f"authorize?{urlencode(call.request.query, doseq=True)}"
    return {"action": action, "ticket": ticket, **_client(asked, AccessDeniedError())}


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


@cache
def _template(name: str) -> Template:
    return Template((FOLDER / f"{name}.html").read_text("utf-8").rstrip("\n"))


def _fill(name: str, texts: dict[str, str], **markup: str) -> str:
    """Fill a template.

    :param texts: escaped on the way in.
    :param markup: taken as it is.
    """
    escaped = {key: html.escape(value) for key, value in texts.items()}
    return _template(name).substitute(escaped, **markup)


def _page(request: Request, title: str, content: str, status: int) -> Document:
    base = urlsplit(request.base_url).path
    texts = {
        "title": title,
        "logo": static_address(base, "logo.svg"),
        "style": static_address(base, "pages.css"),
    }
    headers = {
        "Content-Security-Policy": POLICY,
        # With no-referrer, browsers would hide where a form comes from.
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }
    return Document(_fill("layout", texts, content=content) + "\n", HTML, headers, status)
