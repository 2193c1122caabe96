"""The authorization endpoint: sign-in and consent in the browser, codes for clients."""

from chalicelib.audit.trail import record
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import get_many
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.errors import TooManyRequestsError
from chalicelib.oauth.authorization import (
    AuthorizationRequest,
    client_key,
    read_authorization_request,
)
from chalicelib.oauth.codes import issue_code
from chalicelib.oauth.consents import covers, give_consent
from chalicelib.oauth.errors import BadAuthorizationRequestError
from chalicelib.oauth.form import read_form
from chalicelib.oauth.models import Consent
from chalicelib.oauth.pages import consent_page, error_page, sign_in_page
from chalicelib.oauth.protocol_schemas import AuthorizationFormSchema, AuthorizationQuery
from chalicelib.oauth.tickets import (
    Ticket,
    browser_of,
    make_consent_ticket,
    make_ticket,
    new_browser,
    open_ticket,
    registration_of,
    spend,
)
from chalicelib.users import attempts
from chalicelib.users.models import User
from chalicelib.users.sign_in import (
    SIGN_INS,
    SignInRefusedError,
    begin_sign_in,
    check_password,
    look_up,
    upgrade_hash,
    username_key,
)
from chalicelib.web.docs import HTML
from chalicelib.web.operation import PUBLIC, Call, Document, Operation

STALE = "This page has expired, or your browser does not accept cookies. Sign in again."
WRONG = "Wrong username, email address or password."
MISSING = "Enter your username or email address, and your password."
CHANGED = "This page was answered before, or the app has changed. Sign in again."

ANSWERS = {
    303: "To the client, with a code.",
    403: "Wrong username or password, or the page has expired: it is shown again.",
    409: "The page was answered before, or the client has changed: it is shown again.",
    422: "Username or password is missing: the page is shown again.",
}


@Operation(
    permission=PUBLIC,
    own_query=AuthorizationQuery,
    produces=(HTML,),
    headers=("Set-Cookie",),
    error_page=error_page,
    problems=(BadAuthorizationRequestError,),
    cors=False,
)
def start_authorization(call: Call) -> Document:
    """Show the page on which a person signs in for a client (RFC 6749 §4.1.1, with PKCE).

    If something is wrong with the request, a page says so. Where client and redirect URI are certain, a link
    on it brings the error to the client: nobody is redirected before they have signed in (RFC 9700 §4.11.2).
    """
    call.items = get_many(key for key in [client_key(call)] if key)
    return _ask(call, read_authorization_request(call))


@Operation(
    permission=PUBLIC,
    own_query=AuthorizationQuery,
    form=AuthorizationFormSchema,
    produces=(HTML,),
    also=ANSWERS,
    headers=("Location", "Set-Cookie"),
    error_page=error_page,
    problems=(BadAuthorizationRequestError, TooManyRequestsError),
    own_limits={"sign-ins of an account": SIGN_INS},
    if_unsure="Go back to the application and sign in again.",
    cors=False,
)
def continue_authorization(call: Call) -> Document:
    """Take the answer of the sign-in or the consent page; in the end, send the browser to the client."""
    form = read_form(call.request)
    ticket = open_ticket(call, form.get("ticket", ""))
    call.items = get_many(key for key in _needs(call, form, ticket) if key)
    asked = read_authorization_request(call)
    if ticket is None or ticket.registration != registration_of(asked.client):
        return _ask(call, asked, alert=STALE, status=403)
    return _decide(call, asked, ticket, form)


def _decide(call: Call, asked: AuthorizationRequest, ticket: Ticket, form: dict[str, str]) -> Document:
    decision = form.get("decision")
    if ticket.user_id and decision == "allow":
        return _consented(call, asked, ticket)
    if not ticket.user_id and decision == "sign_in":
        return _sign_in(call, asked, form)
    return _ask(call, asked, alert=STALE, status=403)


def _needs(call: Call, form: dict[str, str], ticket: Ticket | None) -> list[Key | None]:
    client, owner = client_key(call), keys.user(ticket.owner) if ticket else None
    if ticket and ticket.user_id and client:
        return [client, owner, keys.user(ticket.user_id), consent_key(call, ticket.user_id)]
    return [client, owner, username_key(form.get("username", ""))]


def consent_key(call: Call, user_id: str) -> Key:
    """Key of what a user lets the client do that asks."""
    return keys.consent(user_id, call.request.query["client_id"][0])


def redirect(address: str) -> Document:
    """Send the browser somewhere else."""
    # 303: the browser goes on with GET, and without the password (RFC 9700 §4.12).
    return Document("", HTML, {"Location": address}, 303)


def _ask(
    call: Call, asked: AuthorizationRequest, *, username: str = "", alert: str = "", status: int = 200
) -> Document:
    known = browser_of(call)
    browser, cookie = (known, None) if known else new_browser(call)
    ticket = make_ticket(call, browser, asked.client)
    page = sign_in_page(call, asked, ticket, username=username, alert=alert, status=status)
    more = {"Set-Cookie": cookie} if cookie else {}
    return Document(page.text, page.media_type, {**page.headers, **more}, page.status)


def _sign_in(call: Call, asked: AuthorizationRequest, form: dict[str, str]) -> Document:
    username, password = form.get("username", "").strip(), form.get("password")
    if not username or not password:
        return _ask(call, asked, username=username, alert=MISSING, status=422)
    try:
        candidate = look_up(call, username, lambda found: [consent_key(call, found)])
        user = check_password(call, asked.client.client_id, candidate, password)
    except SignInRefusedError:
        return _ask(call, asked, username=username, alert=WRONG, status=403)
    answer = go_on(call, asked, user)
    upgrade_hash(user, password)
    return answer


def go_on(call: Call, asked: AuthorizationRequest, user: User) -> Document:
    """Bring whoever has just signed in to the client, or to the consent page first.

    The user's consent, if any, was read.

    :raises TooManyRequestsError: the account signed in too often.
    """
    transaction = begin_sign_in(call, user, asked.client.client_id)
    consent = call.items.get(consent_key(call, user.id))
    if isinstance(consent, Consent) and covers(consent, asked):
        return _finish(call, asked, user, transaction)
    return _ask_consent(call, asked, user, transaction)


def _ask_consent(call: Call, asked: AuthorizationRequest, user: User, transaction: Transaction) -> Document:
    attempts.commit(transaction, call.settings)
    browser = browser_of(call) or ""  # it sent one, else its ticket had not opened
    ticket = make_consent_ticket(call, browser, user, asked.client, asked.scopes)
    return consent_page(call, asked, ticket, user)


def _consented(call: Call, asked: AuthorizationRequest, ticket: Ticket) -> Document:
    user = call.items.get(keys.user(ticket.user_id or ""))
    if not isinstance(user, User) or not user.is_active:
        return _ask(call, asked, alert=STALE, status=403)
    if user.credentials_version != ticket.credentials_version:
        return _ask(call, asked, alert=STALE, status=403)
    if (asked.client.version, asked.scopes) != (ticket.client_version, ticket.scopes):
        # The page told of another client than this one is by now, or of fewer scopes.
        return _ask(call, asked, alert=CHANGED, status=409)
    transaction = Transaction()
    spend(transaction, ticket)
    return _finish(call, asked, user, transaction)


def _finish(call: Call, asked: AuthorizationRequest, user: User, transaction: Transaction) -> Document:
    found = call.items.get(consent_key(call, user.id))
    known = found if isinstance(found, Consent) else None
    consent_id = give_consent(transaction, user, asked, known)
    code = issue_code(transaction, call.settings, user, consent_id, asked)
    _record_authorization(transaction, call, user, asked)
    try:
        attempts.commit(transaction, call.settings)
    except ConditionFailedError:
        return _ask(call, asked, alert=CHANGED, status=409)
    return redirect(asked.answer(code=code.text))


def _record_authorization(
    transaction: Transaction, call: Call, user: User, asked: AuthorizationRequest
) -> None:
    record(
        transaction,
        call,
        "authorization",
        user_id=user.id,
        actor_id=user.id,
        client_id=asked.client.client_id,
        details={"scopes": sorted(asked.scopes)},
    )
