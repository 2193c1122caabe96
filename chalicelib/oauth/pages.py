"""The pages of the authorization endpoint: plain HTML that works without scripts."""

import html
from dataclasses import replace
from functools import cache
from pathlib import Path
from string import Template
from urllib.parse import urlencode, urlsplit

from chalicelib.errors import ApiError
from chalicelib.oauth.authorization import AuthorizationRequest
from chalicelib.oauth.scopes import DESCRIPTIONS
from chalicelib.web.docs import HTML, static_address
from chalicelib.web.operation import Call, Document
from chalicelib.web.request import Request

FOLDER = Path(__file__).with_name("pages")
# Without form-action: Chromium holds every redirect that follows a form to it, also those of the client's
# own callback. The forms are sealed, their texts escaped, and no script can run to send them elsewhere.
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

    :param alert: what went wrong with the answer before this one, if anything.
    """
    content = _fill(
        "sign_in",
        _common(call, asked, ticket) | {"username": username},
        alert=_fill("alert", {"alert": alert}) if alert else "",
        describedby=' aria-describedby="alert"' if alert else "",
    )
    return _page(call.request, "Sign in", content, status)


def consent_page(call: Call, asked: AuthorizationRequest, ticket: str, username: str) -> Document:
    """Ask whether a client may do what it wants to."""
    scopes = "\n".join(f"      <li>{html.escape(DESCRIPTIONS[name])}</li>" for name in sorted(asked.scopes))
    content = _fill("consent", _common(call, asked, ticket) | {"username": username}, scopes=scopes)
    return _page(call.request, "Allow access?", content, 200)


def error_page(request: Request, error: ApiError) -> Document:
    """Tell a person what a client can't be told."""
    content = _fill("error", {"detail": error.detail, "request_id": request.request_id})
    page = _page(request, "This did not work", content, error.status)
    return replace(page, headers={**page.headers, **error.headers})


def _common(call: Call, asked: AuthorizationRequest, ticket: str) -> dict[str, str]:
    parts = urlsplit(asked.redirect_uri)
    return {
        "client": asked.client.shown_name,
        "destination": parts.netloc or f"the application ({parts.scheme})",
        "action": f"authorize?{urlencode(call.request.query, doseq=True)}",
        "ticket": ticket,
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
