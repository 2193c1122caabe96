"""The authorization endpoint: sign-in and consent in the browser, codes for clients."""

import time
from collections.abc import Sequence

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.errors import ConflictError, ForbiddenError, InvalidValueError, TooManyRequestsError
from chalicelib.oauth.authorize import actions
from chalicelib.oauth.authorize.models import AuthorizationRequest, Consent, UsedTicket
from chalicelib.oauth.authorize.pages import (
    ShownAgainError,
    Ticket,
    consent_page,
    open_ticket,
    render_error,
    sign_in_page,
)
from chalicelib.oauth.authorize.request import (
    AuthorizationFormSchema,
    AuthorizationQuery,
    client_key,
    read_authorization_request,
)
from chalicelib.oauth.errors import BadAuthorizationRequestError
from chalicelib.users.models import User
from chalicelib.users.sign_in import SIGN_INS, sign_in_by_form, signed_in_user, username_key
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.call import Call
from chalicelib.web.form import read_form
from chalicelib.web.media import HTML
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes

STALE = "This page has expired, or your browser does not accept cookies. Sign in again."
CHANGED = "This page was answered before, or the app has changed. Sign in again."
PAGES = Gives(types=(HTML,), errors=render_error, cors=False)
ALSO = {
    303: "To the client, with a code.",
    403: "Wrong username or password, or the page has expired: it is shown again.",
    409: "The page was answered before, or the client has changed: it is shown again.",
    422: "Username or password is missing: the page is shown again.",
}


@Operation(
    access=Access(PUBLIC, also_reads=lambda call: [client_key(call.request.query)]),
    takes=Takes(query=AuthorizationQuery),
    gives=PAGES,
    docs=Docs(problems=(BadAuthorizationRequestError,), headers=("Set-Cookie",)),
)
def start_authorization(call: Call) -> Reply:
    """Show the page on which a person signs in for a client (RFC 6749 §4.1.1, with PKCE).

    If something is wrong with the request, a page says so. Where client and redirect URI are certain, a link
    on it brings the error to the client: nobody is redirected before they have signed in (RFC 9700 §4.11.2).
    """
    return sign_in_page(call, _asked(call))


@Operation(
    access=Access(PUBLIC),
    takes=Takes(query=AuthorizationQuery, body=AuthorizationFormSchema, parse=read_form),
    gives=PAGES,
    docs=Docs(
        problems=(BadAuthorizationRequestError, TooManyRequestsError),
        headers=("Location", "Set-Cookie"),
        also=ALSO,
        limits={"sign-ins of an account": SIGN_INS},
        if_unsure="Go back to the application and sign in again.",
    ),
)
def continue_authorization(call: Call) -> Reply:
    """Take the answer of the sign-in or the consent page; in the end, send the browser to the client."""
    ticket = open_ticket(call, call.body.get("ticket", ""))
    call.context.read(_reads(call, ticket))
    asked = _asked(call)
    if ticket is None or ticket.registration != asked.client.registration_id:
        return sign_in_page(call, asked, ForbiddenError(STALE))
    decision = call.body.get("decision")
    if ticket.user_id and decision == "allow":
        return _consent(call, asked, ticket)
    if not ticket.user_id and decision == "sign_in":
        return _sign_in(call, asked)
    return sign_in_page(call, asked, ForbiddenError(STALE))


def _asked(call: Call) -> AuthorizationRequest:
    return read_authorization_request(call.context, call.request.base_url, call.request.query)


def _reads(call: Call, ticket: Ticket | None) -> Sequence[Key | None]:
    client, owner = client_key(call.request.query), keys.user(ticket.owner) if ticket else None
    if ticket and ticket.user_id and client:
        consent = keys.consent(ticket.user_id, call.request.query["client_id"][0])
        return [client, owner, keys.user(ticket.user_id), consent]
    return [client, owner, username_key(call.body.get("username", ""))]


def _sign_in(call: Call, asked: AuthorizationRequest) -> Reply:
    client_id, password = asked.client.client_id, call.body.get("password", "")
    username = call.body.get("username", "").strip()

    def consent_keys(user_id: str) -> list[Key]:
        return [keys.consent(user_id, client_id)]

    try:
        user = sign_in_by_form(call.context, client_id, username, password, consent_keys)
    except (ForbiddenError, InvalidValueError) as error:
        return sign_in_page(call, asked, error, username=username)
    consent = call.context.find(Consent, keys.consent(user.id, client_id))
    if consent and actions.covers(consent, asked):
        return _redirect(call, asked, user)
    return consent_page(call, asked, user)


def _consent(call: Call, asked: AuthorizationRequest, ticket: Ticket) -> Reply:
    user = signed_in_user(call.context, ticket.user_id or keys.NOBODY, ticket.credentials_version)
    if user is None:
        return sign_in_page(call, asked, ForbiddenError(STALE))
    changed = sign_in_page(call, asked, ConflictError(CHANGED))
    if (asked.client.version, sorted(asked.scopes)) != (ticket.client_version, ticket.scopes):
        # Since the page was shown, the client has changed, or asks for other scopes.
        return changed
    until = int(time.time()) + call.context.settings.sign_in_page_lifetime + 60
    used = UsedTicket.at(keys.used_ticket(ticket.id), expires_at=until)
    call.context.work.put(used, otherwise=ShownAgainError(changed))
    return _redirect(call, asked, user)


def _redirect(call: Call, asked: AuthorizationRequest, user: User) -> Reply:
    """Send the browser to the client, with a code."""
    code = actions.authorize(call.context, asked, user)
    # 303: the browser goes on with GET, and without the password (RFC 9700 §4.12).
    return Reply("", HTML, {"Location": asked.answer(code=code)}, 303)
