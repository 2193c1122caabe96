"""Pages for people: plain HTML with the house's look, which works without scripts."""

import html
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from chalicelib.errors import ApiError
from chalicelib.web.call import Call, Request
from chalicelib.web.docs import static_address
from chalicelib.web.form import browser_of, make_form_ticket, new_browser
from chalicelib.web.media import HTML
from chalicelib.web.operation import Gives, Reply

FOLDER = Path(__file__).with_name("pages")
# Without form-action: Chromium applies it to every redirect that follows a form, even those of the client's
# callback, and leaves the person on this page. The directive is against injected forms, and nobody can inject
# one: all texts are escaped, no script runs, and the server takes no form without a sealed ticket.
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"


@cache
def _template(path: Path) -> Template:
    return Template(path.read_text("utf-8").rstrip("\n"))


def fill(path: Path, texts: dict[str, str], **markup: str) -> str:
    """Fill a template with texts, which are escaped, and with markup, which is taken as it is."""
    escaped = {key: html.escape(value) for key, value in texts.items()}
    return _template(path).substitute(escaped, **markup)


def lay_out(request: Request, title: str, content: str, status: int = 200) -> Reply:
    """Put markup into the layout, under a title."""
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


PAGE = Gives(types=(HTML,), errors=error_page, cors=False)


def base_of(call: Call) -> str:
    """Return what stands in front of every path, such as the stage's name."""
    return urlsplit(call.request.base_url).path


def show(
    call: Call,
    template: Path,
    title: str,
    texts: dict[str, str],
    *,
    form: str = "",
    seal: Callable[[Call, str, str], str] = make_form_ticket,
    error: ApiError | None = None,
    **markup: str,
) -> Reply:
    """Fill in a page; a browser that is not known yet gets its cookie.

    :param form: what the ticket of its forms is for.
    :param seal: makes that ticket, for a browser and a form.
    :param error: what was wrong with the answer before this one, if anything; it has the focus then, and of
        the work only what it brings itself is written.
    """
    known = browser_of(call)
    browser, cookie = (known, None) if known else new_browser(call)
    alert, focus = "", {"focus": " autofocus", "describedby": ""}
    if error:
        call.context.discard(error)
        detail = error.errors[0]["detail"] if error.errors else error.detail
        alert = fill(FOLDER / "alert.html", {"alert": detail})
        focus = {"focus": "", "describedby": ' aria-describedby="alert"'}
    content = fill(
        template,
        {"base": base_of(call), "ticket": seal(call, browser, form), **texts},
        alert=alert,
        username_field=fill(FOLDER / "username.html", {"username": texts.get("username", "")}, **focus),
        **focus,
        **markup,
    )
    return with_cookie(lay_out(call.request, title, content, error.status if error else 200), cookie)


def done_page(call: Call, title: str, text: str, *, cookie: str | None = None) -> Reply:
    """Show that something is done."""
    return with_cookie(show(call, FOLDER / "done.html", title, {"text": text}), cookie)


def with_cookie(page: Reply, cookie: str | None) -> Reply:
    """Return a page with a Set-Cookie header, if there is one."""
    return replace(page, headers={**page.headers, "Set-Cookie": cookie}) if cookie else page
