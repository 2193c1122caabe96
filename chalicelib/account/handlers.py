"""What links of letters do: pages, where GET shows what POST does; and an API for products with own pages."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from chalicelib.account import actions
from chalicelib.account.schemas import AccountFormSchema, NameSchema, PasswordSchema, ResetSchema
from chalicelib.context import Context
from chalicelib.errors import ApiError, ForbiddenError, GoneError, InvalidValueError, TooManyRequestsError
from chalicelib.rate_limit import rate_limit
from chalicelib.users.attempts import LETTERS
from chalicelib.users.links import Purpose, open_link
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.body import load_body
from chalicelib.web.call import Call
from chalicelib.web.form import LinkQuery, LinkTokenSchema, read_form, require_form_ticket, token_of
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes
from chalicelib.web.page import PAGE, done_page, show

FOLDER = Path(__file__).with_name("pages")
REQUESTS = "30/hour"  # of each source address
LINK, FORM = Takes(query=LinkQuery), Takes(body=AccountFormSchema, parse=read_form)
NAME, TOKEN, NOTHING = Takes(body=NameSchema), Takes(body=LinkTokenSchema), Gives(status=204)
ANYBODY = Access(PUBLIC)
NAMING = Access(PUBLIC, also_reads=lambda call: actions.name_key(call.payload), limit=rate_limit(REQUESTS))
# Of the API, and of pages: what uses a link, and what asks for one.
API_USED = Docs(problems=(GoneError,))
API_ASKED = Docs(problems=(TooManyRequestsError,), limits={"letters for a name": LETTERS})
AGAIN = {403: "The page has expired: it is shown again."}
SHOWN = replace(API_USED, headers=("Set-Cookie",))
USED = replace(SHOWN, also=AGAIN)
ASKED = replace(
    API_ASKED, headers=("Set-Cookie",), also={**AGAIN, 422: "Something is missing: the page is shown again."}
)


class Page(NamedTuple):
    """A page, with what it says before and after its button is pressed.

    :param name: of its form, and the last part of its path.
    :param purpose: of the link that opens it; None if it asks whom to send a link.
    :param text: names the account, so that nobody confirms one that a stranger made with their address.
    :param done: title and text of what follows.
    """

    name: str
    template: str
    purpose: Purpose | None
    title: str
    text: str
    button: str
    done: tuple[str, str]


SENT = "If there is such an account, a letter with a link is on its way to its email address."
VERIFY = Page(
    "verify",
    "link",
    "email_verification",
    title="Confirm your email address",
    text="Press the button to confirm that this email address and the account {username} are yours.",
    button="Confirm",
    done=("Confirm your email address", "Your email address is confirmed."),
)
VERIFY_AGAIN = Page(
    "verify",
    "request",
    None,
    title="Confirm your email address",
    text="Enter your username or email address to get the link that confirms the address once more.",
    button="Send the link",
    done=("Look into your mail", SENT),
)
CONFIRM = Page(
    "confirm",
    "link",
    "email_change",
    title="Use this email address",
    text="Press the button to use this email address for the account {username} from now on.",
    button="Use this address",
    done=("Use this email address", "Your account has its new email address."),
)
RESTORED = (
    "Your account has its old email address again, and everybody is signed out. If you did not change the "
    "address yourself, somebody knows your password: choose another one now."
)
UNDO = Page(
    "undo",
    "link",
    "email_undo",
    title="Keep your old email address",
    text=(
        "Press the button to bring back the address that the account {username} had. Everybody is signed out."
    ),
    button="Bring it back",
    done=("Keep your old email address", RESTORED),
)
FORGOTTEN = Page(
    "forgotten",
    "request",
    None,
    title="Forgot your password?",
    text="Enter your username or email address to get a link by which you choose another password.",
    button="Send the link",
    done=("Look into your mail", SENT),
)
SIGNED_OUT = (
    "You have a new password, and everybody is signed out. If somebody else had the old one, look on your "
    "account page for apps that you do not know."
)
RESET = Page(
    "reset",
    "reset",
    "password_reset",
    title="Choose a new password",
    text="",  # the template has it
    button="",
    done=("New password", SIGNED_OUT),
)


def _has_no_token(payload: object) -> bool:
    return not (isinstance(payload, dict) and payload.get("token"))


@Operation(access=ANYBODY, takes=LINK, gives=PAGE, docs=SHOWN)
def show_email_verification(call: Call) -> Reply:
    """Show the page that confirms an email address; without a token, the one that sends the link again."""
    return _show(call, VERIFY if token_of(call) else VERIFY_AGAIN)


@Operation(
    access=replace(NAMING, limit=rate_limit(REQUESTS, when=_has_no_token, what="without a token")),
    takes=FORM,
    gives=PAGE,
    docs=replace(ASKED, problems=(GoneError, TooManyRequestsError)),
)
def submit_email_verification(call: Call) -> Reply:
    """Confirm an email address; without a token, send the link again."""
    if call.body["token"]:
        return _submit(call, VERIFY, actions.verify_email)
    return _submit(call, VERIFY_AGAIN, actions.request_verification)


@Operation(access=ANYBODY, takes=LINK, gives=PAGE, docs=SHOWN)
def show_email_change(call: Call) -> Reply:
    """Show the page that confirms a new email address."""
    return _show(call, CONFIRM)


@Operation(access=ANYBODY, takes=FORM, gives=PAGE, docs=USED)
def submit_email_change(call: Call) -> Reply:
    """Move the account to its new email address."""
    return _submit(call, CONFIRM, actions.confirm_email_change)


@Operation(access=ANYBODY, takes=LINK, gives=PAGE, docs=SHOWN)
def show_email_undo(call: Call) -> Reply:
    """Show the page that brings an old email address back."""
    return _show(call, UNDO)


@Operation(access=ANYBODY, takes=FORM, gives=PAGE, docs=USED)
def submit_email_undo(call: Call) -> Reply:
    """Bring the old email address back, and sign everybody out."""
    return _submit(call, UNDO, actions.undo_email_change)


@Operation(access=ANYBODY, gives=PAGE, docs=Docs(headers=("Set-Cookie",)))
def show_forgotten_password(call: Call) -> Reply:
    """Show the page for those who forgot their password."""
    return _show(call, FORGOTTEN)


@Operation(access=NAMING, takes=FORM, gives=PAGE, docs=ASKED)
def submit_forgotten_password(call: Call) -> Reply:
    """Send a link by which a forgotten password is replaced."""
    return _submit(call, FORGOTTEN, actions.request_password_reset)


@Operation(access=ANYBODY, takes=LINK, gives=PAGE, docs=SHOWN)
def show_password_reset(call: Call) -> Reply:
    """Show the page on which a forgotten password is replaced."""
    return _show(call, RESET)


@Operation(
    access=ANYBODY,
    takes=FORM,
    gives=PAGE,
    docs=replace(
        USED,
        also={**AGAIN, 422: "The password is too weak: the page is shown again."},
        if_unsure="Try to sign in with the new password.",
    ),
)
def submit_password_reset(call: Call) -> Reply:
    """Replace a forgotten password, and sign everybody out."""

    def reset(context: Context, token: str) -> None:
        body = load_body(PasswordSchema, {"password": call.body["password"]})
        actions.reset_password(context, token, body["password"])

    return _submit(call, RESET, reset)


def _show(call: Call, page: Page, error: ApiError | None = None) -> Reply:
    form = call.body or {"token": token_of(call), "username": ""}
    texts = {"action": page.name, "button": page.button, "text": page.text, "token": form["token"]}
    if page.purpose:
        _, user = open_link(call.context, page.purpose, form["token"])
        texts["text"] = page.text.format(username=user.username)
    else:
        texts["username"] = form["username"].strip()
    return show(call, FOLDER / f"{page.template}.html", page.title, texts, form=page.name, error=error)


def _name(call: Call) -> str:
    name: str = call.body["username"].strip()
    if not name:
        raise InvalidValueError("Enter your username or email address.")
    return name


def _submit(call: Call, page: Page, use: Callable[[Context, str], None]) -> Reply:
    """Do what a page is for; if it cannot be done, show the page again with the reason.

    :param use: takes the token of the link, or the name of whom to send one.
    """
    try:
        require_form_ticket(call, page.name)
        use(call.context, call.body["token"] if page.purpose else _name(call))
    except (ForbiddenError, InvalidValueError) as error:
        return _show(call, page, error)
    title, text = page.done
    return done_page(call, title, text)


@Operation(access=NAMING, takes=NAME, gives=NOTHING, docs=API_ASKED)
def request_email_verification(call: Call) -> None:
    """Send the link that confirms an email address again; the answer is the same for unknown accounts."""
    actions.request_verification(call.context, call.body["username"])


@Operation(access=ANYBODY, takes=TOKEN, gives=NOTHING, docs=API_USED)
def verify_email(call: Call) -> None:
    """Confirm the email address of an account by the token of a link."""
    actions.verify_email(call.context, call.body["token"])


@Operation(access=ANYBODY, takes=TOKEN, gives=NOTHING, docs=API_USED)
def confirm_email_change(call: Call) -> None:
    """Move an account to its new email address by the token of a link."""
    actions.confirm_email_change(call.context, call.body["token"])


@Operation(access=ANYBODY, takes=TOKEN, gives=NOTHING, docs=API_USED)
def undo_email_change(call: Call) -> None:
    """Bring an old email address back by the token of a link, and end everything that is signed in."""
    actions.undo_email_change(call.context, call.body["token"])


@Operation(access=NAMING, takes=NAME, gives=NOTHING, docs=API_ASKED)
def request_password_reset(call: Call) -> None:
    """Send a link by which a forgotten password is replaced; the answer is the same for unknown accounts."""
    actions.request_password_reset(call.context, call.body["username"])


@Operation(
    access=ANYBODY,
    takes=Takes(body=ResetSchema),
    gives=NOTHING,
    docs=Docs(problems=(GoneError, InvalidValueError), if_unsure="Try to sign in with the new password."),
)
def reset_password(call: Call) -> None:
    """Replace a forgotten password by the token of a link, and end everything that is signed in."""
    actions.reset_password(call.context, call.body["token"], call.body["password"])
