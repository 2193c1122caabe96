"""Connected apps: which clients act for you, and an end to that."""

from collections.abc import Sequence

from chalicelib.db import counters, keys
from chalicelib.db.keys import Key
from chalicelib.oauth.consents import actions
from chalicelib.oauth.consents.models import Consent
from chalicelib.oauth.consents.schemas import ConsentSchema
from chalicelib.scopes import AUTH_READ, AUTH_WRITE
from chalicelib.web.access import ACTIVE_USER, Access
from chalicelib.web.call import Call, Load
from chalicelib.web.operation import Gives, Operation, Reply, Takes
from chalicelib.web.pagination import ListQuery, count, read_page, shown_by


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
