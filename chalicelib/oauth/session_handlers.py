"""Your sign-ins: where you are signed in, and an end to each."""

from collections.abc import Sequence

from chalicelib.audit.trail import record
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import BATCH_READ_LIMIT, get_many, query_back
from chalicelib.errors import NotFoundError
from chalicelib.oauth.families import consent_keys, has_consent, is_alive, is_of
from chalicelib.oauth.grants.names import REFRESH_TOKEN
from chalicelib.oauth.models import OAuth2Client, TokenFamily
from chalicelib.oauth.permissions import SESSION
from chalicelib.oauth.schemas import SessionSchema
from chalicelib.web.operation import ACTIVE_USER, Call, Operation
from chalicelib.web.pagination import Listing, Page, PageQuery, make_cursor, open_cursor
from chalicelib.web.patch import save_anew

READ = frozenset({"users:read"})
WRITE = frozenset({"users:write"})
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
    permission=ACTIVE_USER,
    scopes=READ,
    query=PageQuery,
    response=SessionSchema,
    many=True,
    total=False,
)
def list_sessions(call: Call) -> Page[TokenFamily]:
    """List the sign-ins that have not ended, the last one first.

    Sign-ins at a suspended app are among them: they go on when the app is resumed. A page leaves out sign-ins
    that are over, so it may be short: `Link` says whether there are more.
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
    """Select the families that have not ended, by what their clients and consents are today."""
    version = call.actor.claims.credentials_version  # the account's, or the caller would be none
    alive = [family for family in families if is_alive(family) and family.credentials_version == version]
    wanted = list(dict.fromkeys(key for family in alive for key in _keys(family)))
    call.items |= get_many(wanted[:BATCH_READ_LIMIT]) | get_many(wanted[BATCH_READ_LIMIT:])
    for family in alive:
        client = call.items.get(keys.client(family.client_id))
        family.client_name = client.shown_name if isinstance(client, OAuth2Client) else ""
        family.is_current = family.family_id == call.actor.claims.family
    return [family for family in alive if _goes_on(call, family)]


def _keys(family: TokenFamily) -> list[Key]:
    return [keys.client(family.client_id), *consent_keys(family)]


def _goes_on(call: Call, family: TokenFamily) -> bool:
    client = call.items.get(keys.client(family.client_id))
    if not isinstance(client, OAuth2Client) or not is_of(family, client):
        return False
    return REFRESH_TOKEN in client.grant_types and has_consent(call, family)


@Operation(permission=ACTIVE_USER, scopes=WRITE, loads=(SESSION,), status=204, if_match=True)
def delete_session(call: Call) -> None:
    """End a sign-in: its refresh token and its access tokens are refused from now on."""
    save_anew(call, call[SESSION], lambda family: _end(call, family))


def _end(call: Call, family: TokenFamily) -> None:
    if not is_alive(family):
        raise NotFoundError
    transaction = call.transaction()
    details = {"client": family.client_id, "family": family.family_id}
    record(transaction, call, "session_ending", user_id=family.user_id, details=details)
    transaction.change("item", family, {"is_revoked": True})
    transaction.commit()
