"""The account page: what it shows of an account."""

from pathlib import Path

from chalicelib.account.session import SignedIn
from chalicelib.db import keys
from chalicelib.db.table import query, query_back
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.consents.models import Consent
from chalicelib.oauth.sessions.actions import ATTRIBUTES, live_sessions
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.web.browser import browser_of
from chalicelib.web.call import Call
from chalicelib.web.form import make_form_ticket
from chalicelib.web.operation import Reply
from chalicelib.web.page import base_of, fill, show

FOLDER = Path(__file__).with_name("pages")
MOST = 50  # of each list; the API lists more
NOTHING = '    <p class="note">None.</p>'
UNCONFIRMED = "This address is not confirmed yet."


def overview(call: Call, signed_in: SignedIn, *, alert: str = "", status: int = 200) -> Reply:
    """Show an account, with everything that can be done about it."""
    user = signed_in.user
    note = fill(FOLDER / "unconfirmed.html", {"text": UNCONFIRMED, "base": base_of(call)})
    return show(
        call,
        FOLDER / "account.html",
        "Your account",
        {"username": user.username, "email": user.email},
        form=signed_in.form,
        alert=alert,
        status=status,
        confirmation="" if user.is_email_verified else note,
        apps=_rows(call, signed_in, "disconnect", "Disconnect", _apps(user.id)),
        clients=_rows(call, signed_in, "delete_client", "Delete", _clients(user.id)),
        sessions=_rows(call, signed_in, "end", "Sign out", _sessions(call, signed_in)),
    )


def _apps(user_id: str) -> list[tuple[str, str, str]]:
    consents = query(Consent, keys.user(user_id).pk, prefix=keys.CONSENTS, limit=MOST)
    return [(each.client_id, each.client_name or each.client_id, f"{each.created:%F}") for each in consents]


def _clients(user_id: str) -> list[tuple[str, str, str]]:
    clients = query(OAuth2Client, keys.clients_of(user_id), limit=MOST)
    return [(each.client_id, each.shown_name, f"{each.created:%F}") for each in clients]


def _sessions(call: Call, signed_in: SignedIn) -> list[tuple[str, str, str]]:
    pk, version = keys.user(signed_in.user.id).pk, int(signed_in.user.credentials_version)
    found = query_back(
        TokenFamily, pk, prefix=keys.FAMILIES, least="", most=keys.LAST_ID, limit=MOST, attributes=ATTRIBUTES
    )
    alive = live_sessions(call.context, found, version)
    return [(each.family_id, each.client_name or each.client_id, f"{each.updated:%F}") for each in alive]


def _rows(
    call: Call, signed_in: SignedIn, decision: str, button: str, rows: list[tuple[str, str, str]]
) -> str:
    ticket = make_form_ticket(call, browser_of(call) or "", signed_in.form)
    common = {"base": base_of(call), "ticket": ticket, "decision": decision, "button": button}
    filled = [
        fill(FOLDER / "row.html", {**common, "id": id_, "name": name, "since": since})
        for id_, name, since in rows
    ]
    return "\n".join(['    <ul class="rows">', *filled, "    </ul>"]) if filled else NOTHING
