"""What acts for a user, and an end to each: connected apps, and sign-ins."""

from collections.abc import Sequence
from dataclasses import replace

from marshmallow import Schema, fields

from chalicelib.db import counters, keys
from chalicelib.db.keys import Key
from chalicelib.oauth.authorize.models import Consent
from chalicelib.oauth.clients.schemas import MAX_CLIENT_NAME
from chalicelib.oauth.sessions import actions
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.scopes import AUTH_READ, AUTH_WRITE, MAX_SCOPE, NQSCHAR, USERS_READ, USERS_WRITE
from chalicelib.web.access import ACTIVE_USER, Access
from chalicelib.web.call import Call, Load
from chalicelib.web.fields import ID, IDS, Flag, Moment, pattern_metadata, text_metadata
from chalicelib.web.operation import Gives, Operation, Reply, Takes
from chalicelib.web.pagination import ListQuery, PageQuery, count, read_page, shown_by


class ConsentSchema(Schema):
    """A signed-in app: a client that the user lets act for them."""

    client_id = fields.String(metadata=IDS["client_id"])
    client_name = fields.String(metadata=text_metadata(MAX_CLIENT_NAME, example="Team Planner"))
    scope = fields.String(metadata=pattern_metadata(NQSCHAR, MAX_SCOPE, example="teams:read users:read"))
    created = Moment()
    updated = Moment()


class SessionSchema(Schema):
    """A sign-in that has not ended."""

    id = fields.String(attribute="family_id", metadata={**ID, "description": "ULID: sorts by sign-in."})
    client_id = fields.String(metadata=IDS["client_id"])
    client_name = fields.String(metadata=text_metadata(MAX_CLIENT_NAME, example="Team Planner"))
    is_current = Flag(metadata={"description": "The one that the access token of this request is of."})
    created = Moment()
    last_used = Moment(attribute="updated")


def _consent_key(call: Call) -> Key | None:
    client_id = call.params["client_id"]
    is_client = keys.CLIENT_ID.fullmatch(client_id) is not None
    return keys.consent(call.claims.owner, client_id) if call.claims and is_client else None


CONSENT = Load(Consent, _consent_key)


def _shards(call: Call) -> Sequence[Key]:
    return counters.shards(keys.consents_of(call.claims.owner)) if call.claims else []


@Operation(
    access=Access(ACTIVE_USER, scopes=AUTH_READ, also_reads=_shards),
    takes=Takes(query=ListQuery),
    gives=Gives(ConsentSchema, many=True),
)
def list_grants(call: Call) -> Reply:
    """List the apps that you signed in to by authorization code."""
    user = call.actor.id
    total = count(call, keys.consents_of(user))
    attributes = shown_by(ConsentSchema)
    return read_page(call, Consent, keys.user(user).pk, attributes, prefix=keys.CONSENTS, total=total)


@Operation(
    access=Access(ACTIVE_USER, scopes=AUTH_WRITE, reads=(CONSENT,)),
    takes=Takes(target=CONSENT),
    gives=Gives(status=204),
)
def delete_grant(call: Call) -> None:
    """Disconnect an app: its codes and tokens end at once, and it has to ask for your consent again."""
    actions.withdraw(call.context, call[CONSENT])


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
    claims = call.actor.claims  # its credentials are the account's, or the caller would be none
    page = read_page(call, TokenFamily, keys.user(call.actor.id).pk, prefix=keys.FAMILIES, backwards=True)
    alive = actions.live_sessions(call.context, page.value, claims.credentials_version)
    for family in alive:
        family.is_current = family.family_id == claims.family
    return replace(page, value=alive)


@Operation(
    access=Access(ACTIVE_USER, scopes=USERS_WRITE, reads=(SESSION,)),
    takes=Takes(target=SESSION),
    gives=Gives(status=204),
)
def delete_session(call: Call) -> None:
    """End a sign-in: its refresh token and its access tokens are refused from now on."""
    actions.end_session(call.context, call[SESSION])
