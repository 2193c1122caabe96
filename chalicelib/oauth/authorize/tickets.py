"""What ties a form of the authorization endpoint to the browser, the request and the person: no session."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.errors import ApiError
from chalicelib.oauth.authorize.models import UsedTicket
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from chalicelib.web.call import Call
from chalicelib.web.form import make_form_ticket, open_form_ticket


@dataclass(frozen=True)
class Ticket:
    """A form that came back in time.

    :param registration: of the client that the page was shown for.
    :param owner: the client's, so that both can be read at once.
    :param user_id: who signed in before it, if it is the consent page's.
    :param client_version: of the client as the page showed it.
    :param scopes: those that the page asked for, sorted.
    """

    id: str
    registration: str | None
    owner: str
    user_id: str | None = None
    credentials_version: int = 0
    client_version: int = 0
    scopes: Sequence[str] = ()


def make_ticket(
    call: Call,
    browser: str,
    client: OAuth2Client,
    user: User | None = None,
    scopes: frozenset[str] = frozenset(),
) -> str:
    """Return the hidden field of the sign-in page or, for a user, of the consent page.

    :param scopes: what the page asks for; which of a client's scopes that may be changes with its owner, too.
    """
    contents = [keys.new_id(), client.registration_id, client.user_id]
    if user:
        shown = int(client.version), sorted(scopes)
        return make_form_ticket(
            call, browser, _form(call), [*contents, user.id, int(user.credentials_version), *shown]
        )
    return make_form_ticket(call, browser, _form(call), contents)


def open_ticket(call: Call, sealed: str) -> Ticket | None:
    """Read the hidden field of a form; None if it is too old, or of another browser or request."""
    contents = open_form_ticket(call, _form(call), sealed)
    return Ticket(*contents) if contents else None


def spend(context: Context, ticket: Ticket, *, otherwise: ApiError) -> None:
    """Make the work succeed only once for each ticket.

    :param otherwise: raised by the commit afterwards.
    """
    until = int(time.time()) + context.settings.sign_in_page_lifetime + 60
    context.work.put(UsedTicket.at(keys.used_ticket(ticket.id), expires_at=until), otherwise=otherwise)


def _form(call: Call) -> str:
    query = urlencode(sorted(call.request.query.items()), doseq=True)
    return f"authorize {hashlib.sha256(query.encode()).hexdigest()}"
