"""What ties a form of the authorization endpoint to the browser, the request and the person: no session."""

import hashlib
import re
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from chalicelib.db import keys
from chalicelib.db.transaction import Transaction
from chalicelib.errors import ApiError
from chalicelib.oauth.authorize.models import UsedTicket
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.security.seals import seal, unseal
from chalicelib.users.models import User
from chalicelib.web.browser import browser_of, is_from_own_page
from chalicelib.web.call import Call

SIGN_IN, CONSENT = "sign-in", "consent"
# until when, its own id, the client's registration and owner; of the consent page also who signed in, and
# what the page showed of the client
TICKET = re.compile(
    r"(?P<until>\d{1,12}) (?P<id>[0-9A-Z]{26}) (?P<registration>[0-9A-Z]{26}|-) (?P<owner>[0-9A-Z]{26})"
    r"( (?P<user_id>[0-9A-Z]{26}) (?P<credentials_version>\d{1,9}) (?P<client_version>\d{1,9})"
    r" (?P<scope>\S+))?"
)


@dataclass(frozen=True)
class Ticket:
    """A form that came back in time.

    :param registration: of the client that the page was shown for.
    :param owner: the client's, so that both can be read at once.
    :param user_id: who signed in before it, if it is the consent page's.
    :param client_version: of the client as the page showed it.
    :param scopes: those that the page asked for.
    """

    id: str
    until: int
    registration: str
    owner: str
    user_id: str | None = None
    credentials_version: int = 0
    client_version: int = 0
    scopes: frozenset[str] = frozenset()


def make_ticket(call: Call, browser: str, client: OAuth2Client) -> str:
    """Return the hidden field of the sign-in page."""
    return seal(
        call.context.keyring.mac_key("ticket"), _purpose(call, browser, SIGN_IN), _stamp(call, client)
    )


def make_consent_ticket(
    call: Call, browser: str, user: User, client: OAuth2Client, scopes: frozenset[str]
) -> str:
    """Return the hidden field of the consent page.

    :param scopes: what the page asks for; which of a client's scopes that may be changes with its owner, too.
    """
    shown = f"{int(client.version)} {','.join(sorted(scopes))}"
    text = f"{_stamp(call, client)} {user.id} {int(user.credentials_version)} {shown}"
    return seal(call.context.keyring.mac_key("ticket"), _purpose(call, browser, CONSENT), text)


def _stamp(call: Call, client: OAuth2Client) -> str:
    until = int(time.time()) + call.context.settings.sign_in_page_lifetime
    return f"{until} {keys.new_id()} {registration_of(client)} {client.user_id}"


def registration_of(client: OAuth2Client) -> str:
    """Return the id of a client's registration, as tickets have it."""
    return client.registration_id or "-"


def open_ticket(call: Call, sealed: str) -> Ticket | None:
    """Read the hidden field of a form; None if it is too old, or of another browser or request."""
    browser = browser_of(call)
    if browser is None or not is_from_own_page(call):
        return None
    key = call.context.keyring.mac_key("ticket")
    for step in (SIGN_IN, CONSENT):
        match = TICKET.fullmatch(unseal(key, _purpose(call, browser, step), sealed) or "")
        if match and (match["user_id"] is not None) == (step == CONSENT):
            return _in_time(match)
    return None


def _in_time(match: re.Match[str]) -> Ticket | None:
    until = int(match["until"])
    if time.time() >= until:
        return None
    return Ticket(
        match["id"],
        until,
        match["registration"],
        match["owner"],
        match["user_id"],
        int(match["credentials_version"] or 0),
        int(match["client_version"] or 0),
        frozenset((match["scope"] or "").split(",")),
    )


def spend(work: Transaction, ticket: Ticket, *, otherwise: ApiError) -> None:
    """Make work succeed only once for each ticket.

    :param otherwise: raised by the commit afterwards.
    """
    used = UsedTicket.at(keys.used_ticket(ticket.id), expires_at=ticket.until + 60)
    work.put(used, otherwise=otherwise)


def _purpose(call: Call, browser: str, step: str) -> tuple[str, str, str]:
    query = urlencode(sorted(call.request.query.items()), doseq=True)
    return step, browser, hashlib.sha256(query.encode()).hexdigest()
