"""Pages for people: plain HTML with the house's look, which works without scripts."""

import html
from dataclasses import replace
from functools import cache
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from chalicelib.errors import ApiError
from chalicelib.web.docs import static_address
from chalicelib.web.media import HTML
from chalicelib.web.operation import Reply
from chalicelib.web.request import Request

FOLDER = Path(__file__).with_name("pages")
# Without form-action: Chromium applies it to every redirect that follows a form, even those of the client's
# callback, and leaves the person on this page. The directive is against injected forms, and nobody can inject
# one: all texts are escaped, no script runs, and the server takes no form without a sealed ticket.
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"


@cache
def _template(path: Path) -> Template:
    return Template(path.read_text("utf-8").rstrip("\n"))


def fill(path: Path, texts: dict[str, str], **markup: str) -> str:
    """Fill a template.

    :param texts: escaped on the way in.
    :param markup: taken as it is.
    """
    escaped = {key: html.escape(value) for key, value in texts.items()}
    return _template(path).substitute(escaped, **markup)


def alert_markup(text: str) -> str:
    """Return the markup of what went wrong, which has the focus; empty if nothing did."""
    return fill(FOLDER / "alert.html", {"alert": text}) if text else ""


def lay_out(request: Request, title: str, content: str, status: int = 200) -> Reply:
    """Put content into the layout.

    :param title: its heading, too.
    :param content: markup.
    """
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
    text = fill(FOLDER / "layout.html", texts, content=content) + "\n"
    return Reply(text, HTML, headers, status)


def error_page(request: Request, error: ApiError) -> Reply:
    """Show what went wrong."""
    texts = {"detail": error.detail, "request_id": request.request_id}
    shown = lay_out(request, "Something went wrong", fill(FOLDER / "error.html", texts), error.status)
    return replace(shown, headers={**shown.headers, **error.headers})
