"""The account pages: plain HTML that works without scripts."""

from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from chalicelib.web.browser import browser_of, make_form_ticket, new_browser
from chalicelib.web.call import Call
from chalicelib.web.media import HTML
from chalicelib.web.operation import Gives, Reply
from chalicelib.web.page import alert_markup, error_page, fill, lay_out

FOLDER = Path(__file__).with_name("pages")
PAGE = Gives(types=(HTML,), errors=error_page, cors=False)


@dataclass(frozen=True)
class LinkPage:
    """What the page of a link shows before and after its use.

    :param form: name of its form, and the last part of its path.
    :param text: names the account, so that nobody confirms one that a stranger made with their address.
    """

    form: str
    title: str
    text: str
    button: str
    done: str


VERIFY = LinkPage(
    "verify",
    "Confirm your email address",
    "Press the button to confirm that this email address and the account {username} are yours.",
    "Confirm",
    "Your email address is confirmed.",
)
CONFIRM = LinkPage(
    "confirm",
    "Use this email address",
    "Press the button to use this email address for the account {username} from now on.",
    "Use this address",
    "Your account has its new email address.",
)
UNDO = LinkPage(
    "undo",
    "Keep your old email address",
    "Press the button to bring back the address that the account {username} had. Everybody is signed out.",
    "Bring it back",
    "Your account has its old email address again, and everybody is signed out. "
    "If you did not change the address yourself, somebody knows your password: choose another one now.",
)


def base_of(call: Call) -> str:
    """Return what stands in front of every path, such as the stage's name."""
    return urlsplit(call.request.base_url).path


def token_of(call: Call) -> str:
    """Return what the link of a letter brings; what is no single token opens nothing."""
    values = call.request.query.get("token", [])
    return values[0] if len(values) == 1 else ""


def ticket_of(call: Call, form: str) -> str:
    """Return a ticket for a browser that is known already."""
    return make_form_ticket(call, browser_of(call) or "", form)


def show(
    call: Call,
    template: str,
    title: str,
    texts: dict[str, str],
    *,
    form: str = "",
    alert: str = "",
    status: int = 200,
    **markup: str,
) -> Reply:
    """Fill in a page; a browser that is not known yet gets its cookie.

    :param form: what the ticket of its forms is for.
    :param alert: what went wrong with the answer before this one, if anything; it has the focus then.
    """
    known = browser_of(call)
    browser, cookie = (known, None) if known else new_browser(call)
    common = {"base": base_of(call), "ticket": make_form_ticket(call, browser, form)}
    content = fill(
        FOLDER / f"{template}.html",
        common | texts,
        alert=alert_markup(alert),
        focus="" if alert else " autofocus",
        describedby=' aria-describedby="alert"' if alert else "",
        **markup,
    )
    page = lay_out(call.request, title, content, status)
    return replace(page, headers={**page.headers, **({"Set-Cookie": cookie} if cookie else {})})


def done_page(call: Call, title: str, text: str, *, cookie: str | None = None) -> Reply:
    """Show that something is done.

    :param cookie: the Set-Cookie header of a new session.
    """
    page = show(call, "done", title, {"text": text})
    return replace(page, headers={**page.headers, "Set-Cookie": cookie}) if cookie else page
