"""Your sign-ins: where you are signed in, and an end to each."""

from collections.abc import Sequence

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import BATCH_READ_LIMIT, query_back
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.grant_types import REFRESH_TOKEN
from chalicelib.oauth.sessions import actions
from chalicelib.oauth.sessions.permissions import SESSION
from chalicelib.oauth.sessions.schemas import SessionSchema
from chalicelib.oauth.tokens.families import consent_key, has_consent, is_alive, is_of
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.scopes import USERS_READ, USERS_WRITE
from chalicelib.web.access import ACTIVE_USER, Access
from chalicelib.web.call import Call
from chalicelib.web.operation import Gives, Operation, Takes
from chalicelib.web.pagination import Listing, Page, PageQuery, make_cursor, open_cursor

ATTRIBUTES = (
    "family_id",
    "user_id",
    "client_id",
    "registration_id",
    "consent_id",
    "credentials_version",
    "idle_until",
    "absolute_until",
    "is_revoked",
    "created",
    "updated",
)


@Operation(
    access=Access(ACTIVE_USER, scopes=USERS_READ),
    takes=Takes(query=PageQuery),
    gives=Gives(SessionSchema, many=True),
)
def list_sessions(call: Call) -> Page[TokenFamily]:
    """List the sign-ins that have not ended, the last one first.

    Sign-ins at a suspended app are included: they continue when the app is resumed. A page leaves out
    sign-ins that are over, so it may be short: `Link` says whether there are more.
    """
    limit, cursor = call.query["limit"], call.query["cursor"]
    listing = Listing(keys.user(call.actor.id).pk, prefix=keys.FAMILIES)
    most = keys.id_before(open_cursor(call, listing, cursor)) if cursor else keys.LAST_ID
    found = query_back(
        TokenFamily,
        listing.partition,
        prefix=listing.prefix,
        least="",
        most=most,
        limit=limit + 1,
        attributes=ATTRIBUTES,
    )
    following = make_cursor(call, listing, found[limit - 1].family_id) if len(found) > limit else None
    return Page(_sessions(call, found[:limit]), None, following)


def _sessions(call: Call, families: Sequence[TokenFamily]) -> list[TokenFamily]:
    """Return the families that have not ended, by what their clients and consents are today."""
    version = call.actor.claims.credentials_version  # the account's, or the caller would be none
    alive = [family for family in families if is_alive(family) and family.credentials_version == version]
    wanted = list(dict.fromkeys(key for family in alive for key in _keys(family)))
    call.context.read(wanted[:BATCH_READ_LIMIT])
    call.context.read(wanted[BATCH_READ_LIMIT:])
    for family in alive:
        client = call.context.find(OAuth2Client, keys.client(family.client_id))
        family.client_name = client.shown_name if client else ""
        family.is_current = family.family_id == call.actor.claims.family
    return [family for family in alive if _goes_on(call.context, family)]


def _keys(family: TokenFamily) -> list[Key]:
    consent = consent_key(family)
    return [keys.client(family.client_id), *([consent] if consent else [])]


def _goes_on(context: Context, family: TokenFamily) -> bool:
    client = context.find(OAuth2Client, keys.client(family.client_id))
    if client is None or not is_of(family, client):
        return False
    return REFRESH_TOKEN in client.grant_types and has_consent(context, family)


@Operation(
    access=Access(ACTIVE_USER, scopes=USERS_WRITE, reads=(SESSION,)),
    takes=Takes(target=SESSION),
    gives=Gives(status=204),
)
def delete_session(call: Call) -> None:
    """End a sign-in: its refresh token and its access tokens are refused from now on."""
    actions.end_session(call.context, call[SESSION])
