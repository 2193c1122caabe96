"""The pages that links of letters lead to: GET shows what they do, POST does it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chalicelib.account import actions
from chalicelib.account.actions import require_link
from chalicelib.account.schemas import AccountFormSchema
from chalicelib.context import Context
from chalicelib.db.keys import Key
from chalicelib.errors import GoneError, InvalidValueError, TooManyRequestsError
from chalicelib.rate_limit import rate_limit
from chalicelib.security.passwords import password_flaw
from chalicelib.users.attempts import LETTERS
from chalicelib.users.links import Purpose
from chalicelib.users.models import User
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.call import Call
from chalicelib.web.form import STALE, LinkQuery, is_form_ticket, read_form, token_of
from chalicelib.web.operation import Docs, Operation, Reply, Takes
from chalicelib.web.page import PAGE, done_page, show

FOLDER = Path(__file__).with_name("pages")
LINK_PAGE, REQUEST_PAGE, RESET_PAGE = (FOLDER / f"{name}.html" for name in ("link", "request", "reset"))
REQUESTS = "30/hour"  # of each source address
MISSING = "Enter your username or email address."
SIGNED_OUT = (
    "You have a new password, and everybody is signed out. If somebody else had the old one, look on your "
    "account page for apps that you do not know."
)
SENT = "If there is such an account, a letter with a link is on its way to its email address."
LINK = Takes(query=LinkQuery)
FORM = Takes(body=AccountFormSchema, parse=read_form)
SHOWN = Docs(problems=(GoneError,), headers=("Set-Cookie",))
AGAIN = {403: "The page has expired: it is shown again."}
USED = Docs(problems=(GoneError,), headers=("Set-Cookie",), also=AGAIN)
ASKED = Docs(
    problems=(TooManyRequestsError,),
    headers=("Set-Cookie",),
    also={**AGAIN, 422: "Something is missing: the page is shown again."},
    limits={"letters for a name": LETTERS},
)


@dataclass(frozen=True)
class LinkPage:
    """What the page of a link does, and shows before and after that.

    :param form: name of its form, and the last part of its path.
    :param text: names the account, so that nobody confirms one that a stranger made with their address.
    """

    purpose: Purpose
    use: Callable[[Context, str], None]
    form: str
    title: str
    text: str
    button: str
    done: str


VERIFY = LinkPage(
    "email_verification",
    actions.verify_email,
    "verify",
    "Confirm your email address",
    "Press the button to confirm that this email address and the account {username} are yours.",
    "Confirm",
    "Your email address is confirmed.",
)
CONFIRM = LinkPage(
    "email_change",
    actions.confirm_email_change,
    "confirm",
    "Use this email address",
    "Press the button to use this email address for the account {username} from now on.",
    "Use this address",
    "Your account has its new email address.",
)
UNDO = LinkPage(
    "email_undo",
    actions.undo_email_change,
    "undo",
    "Keep your old email address",
    "Press the button to bring back the address that the account {username} had. Everybody is signed out.",
    "Bring it back",
    "Your account has its old email address again, and everybody is signed out. "
    "If you did not change the address yourself, somebody knows your password: choose another one now.",
)


def _asks(payload: Any) -> bool:
    """Whether a form has no token, so that it asks for a letter."""
    return not (isinstance(payload, dict) and payload.get("token"))


def _named(call: Call) -> list[Key | None]:
    return actions.name_key(call.payload)


@Operation(access=Access(PUBLIC), takes=LINK, gives=PAGE, docs=SHOWN)
def show_email_verification(call: Call) -> Reply:
    """Show the page that confirms an email address; without a token, the one that sends the link again."""
    return _show(call, VERIFY) if token_of(call) else _ask_again(call)


@Operation(
    access=Access(PUBLIC, also_reads=_named, limit=rate_limit(REQUESTS, when=_asks, what="without a token")),
    takes=FORM,
    gives=PAGE,
    docs=replace(ASKED, problems=(GoneError, TooManyRequestsError)),
)
def submit_email_verification(call: Call) -> Reply:
    """Confirm an email address; without a token, send the link again."""
    if call.body["token"]:
        return _use(call, VERIFY)
    return _request(call, _ask_again, VERIFY.form, actions.request_verification)


@Operation(access=Access(PUBLIC), takes=LINK, gives=PAGE, docs=SHOWN)
def show_email_change(call: Call) -> Reply:
    """Show the page that confirms a new email address."""
    return _show(call, CONFIRM)


@Operation(access=Access(PUBLIC), takes=FORM, gives=PAGE, docs=USED)
def submit_email_change(call: Call) -> Reply:
    """Move the account to its new email address."""
    return _use(call, CONFIRM)


@Operation(access=Access(PUBLIC), takes=LINK, gives=PAGE, docs=SHOWN)
def show_email_undo(call: Call) -> Reply:
    """Show the page that brings an old email address back."""
    return _show(call, UNDO)


@Operation(access=Access(PUBLIC), takes=FORM, gives=PAGE, docs=USED)
def submit_email_undo(call: Call) -> Reply:
    """Bring the old email address back, and sign everybody out."""
    return _use(call, UNDO)


@Operation(access=Access(PUBLIC), gives=PAGE, docs=Docs(headers=("Set-Cookie",)))
def show_forgotten_password(call: Call) -> Reply:
    """Show the page for those who forgot their password."""
    return _forgotten(call)


@Operation(
    access=Access(PUBLIC, also_reads=_named, limit=rate_limit(REQUESTS)),
    takes=FORM,
    gives=PAGE,
    docs=ASKED,
)
def submit_forgotten_password(call: Call) -> Reply:
    """Send a link by which a forgotten password is replaced."""
    return _request(call, _forgotten, "forgotten", actions.request_password_reset)


@Operation(access=Access(PUBLIC), takes=LINK, gives=PAGE, docs=SHOWN)
def show_password_reset(call: Call) -> Reply:
    """Show the page on which a forgotten password is replaced."""
    token = token_of(call)
    require_link(call.context, "password_reset", token)
    return _reset(call, token)


@Operation(
    access=Access(PUBLIC),
    takes=FORM,
    gives=PAGE,
    docs=Docs(
        problems=(GoneError,),
        headers=("Set-Cookie",),
        also={**AGAIN, 422: "The password is too weak: the page is shown again."},
        if_unsure="Try to sign in with the new password.",
    ),
)
def submit_password_reset(call: Call) -> Reply:
    """Replace a forgotten password, and sign everybody out."""
    token, password = call.body["token"], call.body["password"]
    require_link(call.context, "password_reset", token)
    if not is_form_ticket(call, "reset"):
        return _reset(call, token, alert=STALE, status=403)
    flaw = password_flaw(password)
    if flaw:
        return _reset(call, token, alert=flaw, status=422)
    try:
        actions.reset_password(call.context, token, password)
    except InvalidValueError as error:
        return _reset(call, token, alert=error.errors[0]["detail"], status=422)
    return done_page(call, "New password", SIGNED_OUT)


def _show(call: Call, page: LinkPage) -> Reply:
    token = token_of(call)
    user = require_link(call.context, page.purpose, token).user
    return _link_page(call, page, user, token)


def _link_page(
    call: Call, page: LinkPage, user: User, token: str, *, alert: str = "", status: int = 200
) -> Reply:
    text = page.text.format(username=user.username)
    texts = {"text": text, "button": page.button, "action": page.form, "token": token}
    return show(call, LINK_PAGE, page.title, texts, form=page.form, alert=alert, status=status)


def _use(call: Call, page: LinkPage) -> Reply:
    token = call.body["token"]
    user = require_link(call.context, page.purpose, token).user
    if not is_form_ticket(call, page.form):
        return _link_page(call, page, user, token, alert=STALE, status=403)
    page.use(call.context, token)
    return done_page(call, page.title, page.done)


def _request(
    call: Call,
    page: Callable[..., Reply],
    form: str,
    action: Callable[[Context, str], None],
) -> Reply:
    username = call.body["username"].strip()
    if not is_form_ticket(call, form):
        return page(call, username=username, alert=STALE, status=403)
    if not username:
        return page(call, alert=MISSING, status=422)
    action(call.context, username)
    return done_page(call, "Look into your mail", SENT)


def _ask_again(call: Call, *, username: str = "", alert: str = "", status: int = 200) -> Reply:
    text = "Enter your username or email address to get the link that confirms the address once more."
    texts = {"text": text, "button": "Send the link", "action": "verify", "username": username}
    return show(call, REQUEST_PAGE, VERIFY.title, texts, form=VERIFY.form, alert=alert, status=status)


def _forgotten(call: Call, *, username: str = "", alert: str = "", status: int = 200) -> Reply:
    text = "Enter your username or email address to get a link by which you choose another password."
    texts = {"text": text, "button": "Send the link", "action": "forgotten", "username": username}
    title = "Forgot your password?"
    return show(call, REQUEST_PAGE, title, texts, form="forgotten", alert=alert, status=status)


def _reset(call: Call, token: str, *, alert: str = "", status: int = 200) -> Reply:
    title = "Choose a new password"
    return show(call, RESET_PAGE, title, {"token": token}, form="reset", alert=alert, status=status)
