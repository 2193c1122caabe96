"""The account page: sign in, and see and end what rests on the account."""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from marshmallow import ValidationError

from chalicelib.account import session
from chalicelib.account.actions import name_key
from chalicelib.account.overview import FOLDER, overview
from chalicelib.account.schemas import AccountFormSchema
from chalicelib.account.session import SignedIn
from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import T
from chalicelib.errors import (
    ConflictError,
    ForbiddenError,
    InvalidValueError,
    NotFoundError,
    TooManyRequestsError,
)
from chalicelib.oauth.clients.actions import delete_client
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.consents.actions import withdraw
from chalicelib.oauth.consents.models import Consent
from chalicelib.oauth.sessions.actions import end_session
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.privacy.actions import erase_user
from chalicelib.rate_limit import rate_limit
from chalicelib.settings import OFF
from chalicelib.users.actions import change_user, confirm_password
from chalicelib.users.attempts import LETTERS
from chalicelib.users.schemas import UserChangesSchema
from chalicelib.users.sign_in import SIGN_INS, sign_in_by_form
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.browser import set_cookie
from chalicelib.web.call import Call
from chalicelib.web.form import STALE, is_form_ticket, read_form
from chalicelib.web.media import HTML
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes
from chalicelib.web.page import PAGE, base_of, done_page, show

SIGN_IN = "account sign-in"
SIGN_IN_PAGE = FOLDER / "sign_in.html"
OVER = "You are signed out. Sign in again."
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
    return overview(call, signed_in) if signed_in else _sign_in_page(call)


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
    if not is_form_ticket(call, signed_in.form):
        return overview(call, signed_in, alert=STALE, status=403)
    step = STEPS.get(call.body["decision"])
    return step(call, signed_in) if step else overview(call, signed_in, alert=STALE, status=403)


@Operation(
    access=Access(PUBLIC),
    gives=Gives(types=(HTML,)),
    docs=Docs(headers=("Location",), also={302: "To the account page."}),
)
def get_change_password(call: Call) -> Reply:
    """Lead password managers to the page on which a password is changed."""
    return Reply("", HTML, {"Location": f"{_page(call)}#password"}, 302)


def _page(call: Call) -> str:
    return f"{base_of(call)}/account"


def _back(call: Call, cookie: str | None = None) -> Reply:
    # 303: the browser goes on with GET, and without the password (RFC 9700 §4.12).
    cookies = {"Set-Cookie": cookie} if cookie else {}
    return Reply("", HTML, {"Location": _page(call), **cookies}, 303)


def _sign_in_page(call: Call, *, username: str = "", alert: str = "", status: int = 200) -> Reply:
    texts = {"username": username}
    return show(
        call,
        SIGN_IN_PAGE,
        "Sign in to your account",
        texts,
        form=SIGN_IN,
        alert=alert,
        status=status,
    )


def _sign_in(call: Call) -> Reply:
    username, password = call.body["username"].strip(), call.body["password"]
    if call.body["decision"] != "sign_in":
        return _sign_in_page(call, alert=OVER, status=403)
    if not is_form_ticket(call, SIGN_IN):
        return _sign_in_page(call, username=username, alert=STALE, status=403)
    try:
        user = sign_in_by_form(call.context, None, username, password)
    except (ForbiddenError, InvalidValueError) as error:
        return _sign_in_page(call, username=username, alert=error.detail, status=error.status)
    return _back(call, session.start(call, user, int(user.credentials_version)))


def _sign_out(call: Call, signed_in: SignedIn) -> Reply:
    return _back(call, session.end(call, signed_in))


def _disconnect(call: Call, signed_in: SignedIn) -> Reply:
    key = keys.consent(signed_in.user.id, _id(call, keys.CLIENT_ID))
    return _end(call, signed_in, Consent, key, withdraw)


def _end_session(call: Call, signed_in: SignedIn) -> Reply:
    key = keys.family(signed_in.user.id, _id(call, keys.ULID))
    return _end(call, signed_in, TokenFamily, key, end_session)


def _delete_client(call: Call, signed_in: SignedIn) -> Reply:
    return _end(call, signed_in, OAuth2Client, keys.client(_id(call, keys.CLIENT_ID)), delete_client)


def _id(call: Call, shape: re.Pattern[str]) -> str:
    """Return the id in the form; what can be none is the id of nothing."""
    return call.body["id"] if shape.fullmatch(call.body["id"]) else keys.NOBODY


def _end(
    call: Call, signed_in: SignedIn, kind: type[T], key: Key, action: Callable[[Context, T], None]
) -> Reply:
    """End something, if it is there and the account's."""
    call.context.read([key])
    item: Any = call.context.find(kind, key)
    if item and item.user_id == signed_in.user.id:
        call.context.actor_id = signed_in.user.id
        with suppress(NotFoundError):  # it has ended already
            action(call.context, item)
    return _back(call)


def _change(
    call: Call, signed_in: SignedIn, *, field: str, apply: Callable[[Call, SignedIn, str], Reply]
) -> Reply:
    """Change a field, once the current password is confirmed."""
    try:
        confirm_password(call.context, signed_in.user, call.body["current_password"])
    except ForbiddenError as error:
        return overview(call, signed_in, alert=error.detail, status=403)
    try:
        value = UserChangesSchema(only=(field,)).load({field: call.body[field]})[field]
        call.context.actor_id = signed_in.user.id
        return apply(call, signed_in, value)
    except ValidationError as error:
        return overview(call, signed_in, alert=error.messages_dict[field][0], status=422)
    except InvalidValueError as error:
        return overview(call, signed_in, alert=error.errors[0]["detail"], status=422)


def _with_password(call: Call, signed_in: SignedIn, password: str) -> Reply:
    user = signed_in.user
    change_user(call.context, user, {"password": password})
    call.context.work.delete(signed_in.session)
    cookie = session.start(call, user, int(user.credentials_version) + 1)
    text = "You have a new password, and are signed out everywhere else."
    return done_page(call, "New password", text, cookie=cookie)


def _with_email(call: Call, signed_in: SignedIn, address: str) -> Reply:
    change_user(call.context, signed_in.user, {"email": address}, confirms_email=True)
    text = MOVED if call.context.settings.email_verification == OFF else ASKED
    return done_page(call, "New email address", text)


def _delete(call: Call, signed_in: SignedIn) -> Reply:
    try:
        confirm_password(call.context, signed_in.user, call.body["current_password"])
    except ForbiddenError as error:
        return overview(call, signed_in, alert=error.detail, status=403)
    call.context.actor_id = signed_in.user.id
    erase_user(call.context, signed_in.user)
    cookie = set_cookie(call, session.COOKIE, "", seconds=0)
    return done_page(call, "Account deleted", DELETED, cookie=cookie)


STEPS: dict[str, Callable[[Call, SignedIn], Reply]] = {
    "delete": _delete,
    "sign_out": _sign_out,
    "disconnect": _disconnect,
    "end": _end_session,
    "delete_client": _delete_client,
    "password": partial(_change, field="password", apply=_with_password),
    "email": partial(_change, field="email", apply=_with_email),
}
