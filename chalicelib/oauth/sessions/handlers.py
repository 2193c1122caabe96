"""Your sign-ins: where you are signed in, and an end to each."""

from collections.abc import Sequence

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import query_back
from chalicelib.oauth.sessions import actions
from chalicelib.oauth.sessions.schemas import SessionSchema
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.scopes import USERS_READ, USERS_WRITE
from chalicelib.web.access import ACTIVE_USER, Access
from chalicelib.web.call import Call, Load
from chalicelib.web.operation import Gives, Operation, Reply, Takes
from chalicelib.web.pagination import PageQuery, open_cursor, page_of


def _session_key(call: Call) -> Key | None:
    session_id = call.params["session_id"]
    return keys.family(call.claims.owner, session_id) if call.claims and keys.is_id(session_id) else None


SESSION = Load(TokenFamily, _session_key)


@Operation(
    access=Access(ACTIVE_USER, scopes=USERS_READ),
    takes=Takes(query=PageQuery),
    gives=Gives(SessionSchema, many=True),
)
def list_sessions(call: Call) -> Reply:
    """List the sign-ins that have not ended, the last one first.

    Sign-ins at a suspended app are included: they continue when the app is resumed. A page leaves out
    sign-ins that are over, so it may be short: `Link` says whether there are more.
    """
    limit, place = call.query["limit"], (keys.user(call.actor.id).pk, keys.FAMILIES)
    after = open_cursor(call, place)
    found = query_back(
        TokenFamily,
        place[0],
        prefix=keys.FAMILIES,
        least="",
        most=keys.id_before(after) if after else keys.LAST_ID,
        limit=limit + 1,
        attributes=actions.ATTRIBUTES,
    )
    following = found[limit - 1].family_id if len(found) > limit else ""
    return page_of(call, place, _sessions(call, found[:limit]), following)


def _sessions(call: Call, families: Sequence[TokenFamily]) -> list[TokenFamily]:
    claims = call.actor.claims  # its credentials are the account's, or the caller would be none
    alive = actions.live_sessions(call.context, families, claims.credentials_version)
    for family in alive:
        family.is_current = family.family_id == claims.family
    return alive


@Operation(
    access=Access(ACTIVE_USER, scopes=USERS_WRITE, reads=(SESSION,)),
    takes=Takes(target=SESSION),
    gives=Gives(status=204),
)
def delete_session(call: Call) -> None:
    """End a sign-in: its refresh token and its access tokens are refused from now on."""
    actions.end_session(call.context, call[SESSION])
