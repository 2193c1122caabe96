"""Register, look at, list, change and delete OAuth2 clients, and rotate their secrets."""

from collections.abc import Sequence

from chalicelib.db import counters, keys
from chalicelib.db.keys import Key
from chalicelib.errors import ConflictError, ForbiddenError, InvalidValueError
from chalicelib.oauth.clients import actions
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.clients.permissions import (
    CLIENT,
    OWNER,
    OWNER_OR_ADMIN,
    OWNER_OR_FIRST_PARTY_ADMIN,
    check_password_grant,
)
from chalicelib.oauth.clients.schemas import (
    ClientChangesSchema,
    ClientListQuery,
    ClientRegistrationInputSchema,
    ClientRegistrationSchema,
    ClientRegistrationWithSecretSchema,
    SecretRotationQuery,
)
from chalicelib.rate_limit import rate_limit
from chalicelib.scopes import AUTH_READ, AUTH_WRITE
from chalicelib.web.access import ACTIVE_USER, ADMIN, FIRST_PARTY_ADMIN, Access, Rule
from chalicelib.web.call import Call
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes
from chalicelib.web.pagination import count, read_page, shown_by

PATCH_RULES = {
    "client_name": Rule(blank=""),
    "redirect_uris": Rule(parts=True, blank=()),
    "default_scopes": Rule(parts=True, blank=()),
    "grant_types": Rule(parts=True, blank=()),
    "is_active": Rule(FIRST_PARTY_ADMIN),
}


def _shards(call: Call) -> Sequence[Key]:
    user_id = call.request.query.get("user_id", [""])[0]
    return counters.shards(keys.clients_of(user_id)) if keys.is_id(user_id) else []


@Operation(
    access=Access(ACTIVE_USER, scopes=AUTH_READ, also_reads=_shards),
    takes=Takes(query=ClientListQuery),
    gives=Gives(ClientRegistrationSchema, many=True),
)
def list_oauth2_clients(call: Call) -> Reply:
    """List your own OAuth2 clients; admins may list anybody's."""
    user_id = call.query["user_id"]
    if not keys.is_id(user_id) or (user_id != call.actor.id and not ADMIN.allows(call)):
        raise InvalidValueError(errors=[{"parameter": "user_id", "detail": "Give your own id."}])
    listing, attributes = keys.clients_of(user_id), shown_by(ClientRegistrationSchema)
    return read_page(call, OAuth2Client, listing, attributes, total=count(call, listing))


@Operation(
    access=Access(ACTIVE_USER, scopes=AUTH_WRITE, limit=rate_limit("10/minute", "100/day")),
    takes=Takes(body=ClientRegistrationInputSchema),
    gives=Gives(ClientRegistrationWithSecretSchema, status=201, etag=True),
    docs=Docs(problems=(ForbiddenError,)),
)
def create_oauth2_client(call: Call) -> Reply:
    """Register an OAuth2 client; a confidential one's secret is shown only in this answer.

    The password grant takes an admin with write access who signed in through a first-party client.
    """
    check_password_grant(call, call.body.get("grant_types", []))
    client = actions.create_client(call.context, call.actor.id, call.body)
    return Reply(client, headers={"Location": call.url_for(get_oauth2_client, client_id=client.client_id)})


@Operation(
    access=Access(OWNER_OR_ADMIN, scopes=AUTH_READ, reads=(CLIENT,)),
    gives=Gives(ClientRegistrationSchema, etag=True),
)
def get_oauth2_client(call: Call) -> OAuth2Client:
    """Look at an OAuth2 client."""
    return call[CLIENT]


@Operation(
    access=Access(OWNER_OR_FIRST_PARTY_ADMIN, scopes=AUTH_WRITE, reads=(CLIENT,)),
    takes=Takes(body=ClientChangesSchema, patch=PATCH_RULES, target=CLIENT),
    gives=Gives(ClientRegistrationSchema, etag=True),
    docs=Docs(problems=(ConflictError, ForbiddenError)),
)
def patch_oauth2_client(call: Call) -> OAuth2Client:
    """Change an OAuth2 client by JSON Patch.

    A client that has the password grant after the change is changed by admins with write access who signed in
    through a first-party client. Its owner may change it by a patch that takes the password grant away.
    """
    check_password_grant(call, call.body.get("grant_types", call[CLIENT].grant_types))
    actions.change_client(call.context, call[CLIENT], call.body)
    return call[CLIENT]


@Operation(
    access=Access(OWNER_OR_FIRST_PARTY_ADMIN, scopes=AUTH_WRITE, reads=(CLIENT,)),
    takes=Takes(target=CLIENT),
    gives=Gives(status=204),
)
def delete_oauth2_client(call: Call) -> None:
    """Delete an OAuth2 client; its tokens end at once."""
    actions.delete_client(call.context, call[CLIENT])


@Operation(
    access=Access(OWNER, scopes=AUTH_WRITE, reads=(CLIENT,), limit=rate_limit("10/minute")),
    takes=Takes(query=SecretRotationQuery, target=CLIENT),
    gives=Gives(ClientRegistrationWithSecretSchema, etag=True),
    docs=Docs(
        problems=(ConflictError,),
        if_unsure="Look at the ETag: if it has changed, rotating again ends the secret that is in use.",
    ),
)
def rotate_oauth2_client_secret(call: Call) -> OAuth2Client:
    """Create a new secret; the one before stays valid for a day, or for `overlap` seconds.

    Only the owner may: a client acts for its owner, so whoever has its secret can do what the owner can.
    After a leak, rotate with `overlap=0`. Access tokens that the secret before was used for expire within an
    hour; while an admin suspends the client, they are refused.
    """
    actions.rotate_secret(call.context, call[CLIENT], call.query["overlap"])
    return call[CLIENT]
