"""Your signed-in apps: which clients act for you, and an end to that."""

from chalicelib.audit.trail import record
from chalicelib.db import counters, keys
from chalicelib.db.keys import Key
from chalicelib.oauth.consents import withdraw
from chalicelib.oauth.models import Consent
from chalicelib.oauth.permissions import CONSENT
from chalicelib.oauth.schemas import ConsentSchema
from chalicelib.web.operation import ACTIVE_USER, Call, Operation
from chalicelib.web.pagination import Listing, ListQuery, Page, count, read_page
from chalicelib.web.patch import save_anew

READ = frozenset({"auth:read"})
WRITE = frozenset({"auth:write"})
ATTRIBUTES = ("client_id", "client_name", "scope", "created", "updated", "sk")


def _shards(call: Call) -> list[Key]:
    return counters.shards(keys.consents_of(call.claims.owner)) if call.claims else []


@Operation(
    permission=ACTIVE_USER,
    scopes=READ,
    query=ListQuery,
    loads_keys=_shards,
    response=ConsentSchema,
    many=True,
)
def list_grants(call: Call) -> Page[Consent]:
    """List the apps that you signed in to by authorization code."""
    listing = Listing(keys.user(call.actor.id).pk, prefix=keys.CONSENTS, attributes=ATTRIBUTES)
    return read_page(call, Consent, listing, count(call, _shards(call)))


@Operation(permission=ACTIVE_USER, scopes=WRITE, loads=(CONSENT,), status=204, if_match=True)
def delete_grant(call: Call) -> None:
    """Sign an app out: its codes and tokens end at once, and it has to ask for your consent again."""
    save_anew(call, call[CONSENT], lambda consent: _withdraw(call, consent))


def _withdraw(call: Call, consent: Consent) -> None:
    transaction = call.transaction()
    details = {"client": consent.client_id}
    record(transaction, call, "consent_withdrawal", user_id=consent.user_id, details=details)
    withdraw(consent, transaction)
