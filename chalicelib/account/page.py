"""The account page: sign in, and see and end what rests on the account."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from chalicelib.account import session
from chalicelib.account.actions import name_key
from chalicelib.account.schemas import AccountFormSchema, EmailSchema, PasswordSchema
from chalicelib.account.session import SignedIn
from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import Item, query
from chalicelib.errors import (
    ApiError,
    ConflictError,
    ForbiddenError,
    InvalidValueError,
    NotFoundError,
    TooManyRequestsError,
)
from chalicelib.oauth.authorize.models import Consent
from chalicelib.oauth.clients.actions import delete_client
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.sessions.actions import end_session, live_sessions, withdraw
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.privacy.actions import erase_user
from chalicelib.rate_limit import rate_limit
from chalicelib.settings import OFF
from chalicelib.users.actions import change_user, confirm_password
from chalicelib.users.attempts import LETTERS
from chalicelib.users.sign_in import SIGN_INS, sign_in_by_form
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.body import load_body
from chalicelib.web.call import Call
from chalicelib.web.form import STALE, browser_of, make_form_ticket, read_form, require_form_ticket
from chalicelib.web.media import HTML
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes
from chalicelib.web.page import PAGE, base_of, done_page, fill, show

FOLDER = Path(__file__).with_name("pages")
MOST = 50  # of each list; the API lists more
MAX_ID = 64  # characters
SIGN_IN = "account sign-in"
OVER = "You are signed out. Sign in again."
UNCONFIRMED = "This address is not confirmed yet."
CHANGED = "You have a new password, and are signed out everywhere else."
MOVED = "Your account has its new email address."
ASKED = "If nobody else has it, a letter is on its way to the new address: its link confirms the address."
DELETED = "Your account is deleted. What else names you is erased within the next minutes."
ALSO = {
    303: "Signed in or out, or something ended: to the account page.",
    403: "A wrong password, or the page has expired: it is shown again.",
    422: "Something is missing or wrong: the page is shown again.",
}


def _changes_email(payload: object) -> bool:
    return isinstance(payload, dict) and payload.get("decision") == "email"


@Operation(access=Access(PUBLIC, also_reads=session.reads), gives=PAGE, docs=Docs(headers=("Set-Cookie",)))
def show_account(call: Call) -> Reply:
    """Show the account of the person who is signed in; to others, the page on which they sign in."""
    signed_in = session.find(call)
    return _overview(call, signed_in) if signed_in else _sign_in_page(call)


@Operation(
    access=Access(
        PUBLIC,
        also_reads=lambda call: [*session.reads(call), *name_key(call.payload)],
        limit=rate_limit("10/hour", when=_changes_email, what="changes of the email address"),
    ),
    takes=Takes(body=AccountFormSchema, parse=read_form),
    gives=PAGE,
    docs=Docs(
        problems=(ConflictError, TooManyRequestsError),
        headers=("Location", "Set-Cookie"),
        also=ALSO,
        limits={"sign-ins of an account": SIGN_INS, "letters to an address": LETTERS},
        if_unsure="Open the account page and look whether it did.",
    ),
)
def submit_account(call: Call) -> Reply:
    """Sign in or out, end sign-ins and apps, change password or email address, or delete the account."""
    signed_in = session.find(call)
    if signed_in is None:
        return _sign_in(call)
    call.context.actor_id = signed_in.user.id
    try:
        require_form_ticket(call, signed_in.form)
        return STEPS.get(call.body["decision"], _refuse)(call, signed_in)
    except (ForbiddenError, InvalidValueError) as error:
        return _overview(call, signed_in, error)


@Operation(
    access=Access(PUBLIC),
    gives=Gives(types=(HTML,)),
    docs=Docs(headers=("Location",), also={302: "To the account page."}),
)
def get_change_password(call: Call) -> Reply:
    """Lead password managers to the page on which a password is changed."""
    return Reply("", HTML, {"Location": f"{base_of(call)}/account#password"}, 302)


def _sign_in_page(call: Call, error: ApiError | None = None, username: str = "") -> Reply:
    texts = {"username": username}
    return show(call, FOLDER / "sign_in.html", "Sign in to your account", texts, form=SIGN_IN, error=error)


def _sign_in(call: Call) -> Reply:
    username = call.body["username"].strip()
    if call.body["decision"] != "sign_in":
        return _sign_in_page(call, ForbiddenError(OVER))
    try:
        require_form_ticket(call, SIGN_IN)
        user = sign_in_by_form(call.context, None, username, call.body["password"])
    except (ForbiddenError, InvalidValueError) as error:
        return _sign_in_page(call, error, username)
    return _back(call, session.start(call, user, int(user.credentials_version)))


def _back(call: Call, cookie: str = "") -> Reply:
    # 303: the browser goes on with GET, and without the password (RFC 9700 §4.12).
    cookies = {"Set-Cookie": cookie} if cookie else {}
    return Reply("", HTML, {"Location": f"{base_of(call)}/account", **cookies}, 303)


def _refuse(_: Call, __: SignedIn) -> Reply:
    raise ForbiddenError(STALE)


def _sign_out(call: Call, signed_in: SignedIn) -> Reply:
    call.context.work.delete(signed_in.session)
    return _back(call, session.no_cookie(call))


def _end(
    call: Call,
    signed_in: SignedIn,
    *,
    kind: type[Item],
    key_of: Callable[[str, str], Key],
    action: Callable[[Context, Any], None],
) -> Reply:
    """End something, if it is there and the account's.

    :param key_of: makes its key from the account's id and its own.
    """
    key = key_of(signed_in.user.id, call.body["id"] if len(call.body["id"]) <= MAX_ID else keys.NOBODY)
    call.context.read([key])
    item: Any = call.context.find(kind, key)
    if item and item.user_id == signed_in.user.id:
        with suppress(NotFoundError):  # it has ended already
            action(call.context, item)
    return _back(call)


def _change_password(call: Call, signed_in: SignedIn) -> Reply:
    user = signed_in.user
    confirm_password(call.context, user, call.body["current_password"])
    change_user(call.context, user, load_body(PasswordSchema, {"password": call.body["password"]}))
    call.context.work.delete(signed_in.session)
    cookie = session.start(call, user, int(user.credentials_version) + 1)
    return done_page(call, "New password", CHANGED, cookie=cookie)


def _change_email(call: Call, signed_in: SignedIn) -> Reply:
    confirm_password(call.context, signed_in.user, call.body["current_password"])
    changes = load_body(EmailSchema, {"email": call.body["email"]})
    change_user(call.context, signed_in.user, changes, confirms_email=True)
    text = MOVED if call.context.settings.email_verification == OFF else ASKED
    return done_page(call, "New email address", text)


def _delete(call: Call, signed_in: SignedIn) -> Reply:
    confirm_password(call.context, signed_in.user, call.body["current_password"])
    erase_user(call.context, signed_in.user)
    return done_page(call, "Account deleted", DELETED, cookie=session.no_cookie(call))


STEPS: dict[str, Callable[[Call, SignedIn], Reply]] = {
    "sign_out": _sign_out,
    "disconnect": partial(_end, kind=Consent, key_of=keys.consent, action=withdraw),
    "end": partial(_end, kind=TokenFamily, key_of=keys.family, action=end_session),
    "delete_client": partial(
        _end, kind=OAuth2Client, key_of=lambda _, client_id: keys.client(client_id), action=delete_client
    ),
    "password": _change_password,
    "email": _change_email,
    "delete": _delete,
}


def _overview(call: Call, signed_in: SignedIn, error: ApiError | None = None) -> Reply:
    """Show an account, with everything that can be done about it."""
    user = signed_in.user
    note = fill(FOLDER / "unconfirmed.html", {"text": UNCONFIRMED, "base": base_of(call)})
    return show(
        call,
        FOLDER / "account.html",
        "Your account",
        {"username": user.username, "email": user.email},
        form=signed_in.form,
        error=error,
        confirmation="" if user.is_email_verified else note,
        apps=_rows(call, signed_in, "disconnect", "Disconnect", _apps(user.id)),
        clients=_rows(call, signed_in, "delete_client", "Delete", _clients(user.id)),
        sessions=_rows(call, signed_in, "end", "Sign out", _sessions(call, signed_in)),
    )


Row = tuple[str, str, str]  # id, name, and since when


def _apps(user_id: str) -> list[Row]:
    consents = query(Consent, keys.user(user_id).pk, prefix=keys.CONSENTS, limit=MOST)
    return [(each.client_id, each.client_name or each.client_id, f"{each.created:%F}") for each in consents]


def _clients(user_id: str) -> list[Row]:
    clients = query(OAuth2Client, keys.clients_of(user_id), limit=MOST)
    return [(each.client_id, each.shown_name, f"{each.created:%F}") for each in clients]


def _sessions(call: Call, signed_in: SignedIn) -> list[Row]:
    pk, version = keys.user(signed_in.user.id).pk, int(signed_in.user.credentials_version)
    found = query(TokenFamily, pk, prefix=keys.FAMILIES, limit=MOST, backwards=True)
    alive = live_sessions(call.context, found, version)
    return [(each.family_id, each.client_name or each.client_id, f"{each.updated:%F}") for each in alive]


def _rows(call: Call, signed_in: SignedIn, decision: str, button: str, rows: Iterable[Row]) -> str:
    ticket = make_form_ticket(call, browser_of(call) or "", signed_in.form)
    common = {"base": base_of(call), "ticket": ticket, "decision": decision, "button": button}
    filled = [
        fill(FOLDER / "row.html", {**common, "id": id_, "name": name, "since": since})
        for id_, name, since in rows
    ]
    none = '    <p class="note">None.</p>'
    return "\n".join(['    <ul class="rows">', *filled, "    </ul>"]) if filled else none
