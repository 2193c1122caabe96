"""Register, look at, list, change and delete OAuth2 clients, and rotate their secrets."""

import time
from collections.abc import Collection, Mapping
from typing import Any

from chalicelib.audit.trail import Detail, Event, record
from chalicelib.db import counters, keys
from chalicelib.db.keys import Key
from chalicelib.db.transaction import Transaction
from chalicelib.errors import ConflictError, ForbiddenError, InvalidValueError
from chalicelib.oauth.grants.names import PASSWORD
from chalicelib.oauth.models import (
    CONFIDENTIAL,
    OAuth2Client,
    change_client,
    create_client,
    delete_client,
)
from chalicelib.oauth.permissions import CLIENT, OWNER, OWNER_OR_ADMIN, OWNER_OR_FIRST_PARTY_ADMIN
from chalicelib.oauth.schemas import (
    ClientChangesSchema,
    ClientListQuery,
    ClientRegistrationInputSchema,
    ClientRegistrationSchema,
    ClientRegistrationWithSecretSchema,
    SecretRotationQuery,
    client_flaws,
    default_grant_types,
)
from chalicelib.oauth.secrets import hash_secret, new_secret
from chalicelib.web.operation import (
    ACTIVE_USER,
    ADMIN,
    FIRST_PARTY_ADMIN,
    FORM,
    JSON,
    JSON_PATCH,
    Call,
    Operation,
    PatchPolicy,
    Reply,
    Rule,
)
from chalicelib.web.pagination import Listing, Page, count, read_page
from chalicelib.web.patch import patch_item, save_anew
from chalicelib.web.rate_limit import rate_limit

READ = frozenset({"auth:read"})
WRITE = frozenset({"auth:write"})
ATTRIBUTES = (
    "client_id",
    "user_id",
    "client_name",
    "client_type",
    "redirect_uris",
    "default_scopes",
    "grant_types",
    "is_active",
    "created",
    "updated",
    "gsi1sk",
)
POLICY = PatchPolicy(
    view=ClientRegistrationSchema,
    changes=ClientChangesSchema,
    rules={
        "client_name": Rule(blank=""),
        "redirect_uris": Rule(parts=True, blank=()),
        "default_scopes": Rule(parts=True, blank=()),
        "grant_types": Rule(parts=True, blank=()),
        "is_active": Rule(FIRST_PARTY_ADMIN),
    },
)


def _shards(call: Call) -> list[Key]:
    user_id = call.request.query.get("user_id", [""])[0]
    return counters.shards(keys.clients_of(user_id)) if keys.is_id(user_id) else []


@Operation(
    permission=ACTIVE_USER,
    scopes=READ,
    query=ClientListQuery,
    loads_keys=_shards,
    response=ClientRegistrationSchema,
    many=True,
)
def list_oauth2_clients(call: Call) -> Page[OAuth2Client]:
    """List your own OAuth2 clients; admins may list anybody's."""
    user_id = call.query["user_id"]
    if not keys.is_id(user_id) or (user_id != call.actor.id and not ADMIN.allows(call)):
        raise InvalidValueError(errors=[{"parameter": "user_id", "detail": "Give your own id."}])
    listing = Listing(keys.clients_of(user_id), attributes=ATTRIBUTES)
    return read_page(call, OAuth2Client, listing, count(call, _shards(call)))


@Operation(
    permission=ACTIVE_USER,
    scopes=WRITE,
    body=ClientRegistrationInputSchema,
    body_types=(JSON, FORM),
    response=ClientRegistrationWithSecretSchema,
    status=201,
    etag=True,
    problems=(ForbiddenError,),
    rate_limit=rate_limit("10/minute", "100/day", in_transaction=True),
)
def create_oauth2_client(call: Call) -> Reply:
    """Register an OAuth2 client; a confidential one's secret is shown in this answer alone.

    The password grant takes an admin with write access who signed in through a first-party client.
    """
    _check_password_grant(call, call.body.get("grant_types", []))
    client = add_client(call, call.actor.id, call.body)
    return Reply(
        client, headers={"Location": f"{call.request.base_url}/api/v1/auth/oauth2_clients/{client.client_id}"}
    )


def add_client(call: Call, user_id: str, fields: Mapping[str, Any]) -> OAuth2Client:
    """Write a new client together with the event of it; a confidential one holds its secret afterwards.

    :param user_id: the owner.
    :param fields: as ClientRegistrationInputSchema loaded them.
    :raises InvalidValueError: they contradict each other.
    """
    uris = fields.get("redirect_uris", [])
    values = {
        "redirect_uris": uris,
        "default_scopes": fields.get("default_scopes", []),
        "grant_types": fields.get("grant_types", default_grant_types(uris)),
    }
    _check(fields["client_type"], values)
    client_id = f"client-{keys.new_id().lower()}"
    client = OAuth2Client.at(
        keys.client(client_id),
        client_id=client_id,
        user_id=user_id,
        client_name=fields.get("client_name", ""),
        client_type=fields["client_type"],
        **values,
    )
    if client.client_type == CONFIDENTIAL:
        client.client_secret = new_secret()
        client.secret_hash = hash_secret(client.client_secret)
    create_client(client, _event(call, "client_creation", client))
    return client


@Operation(
    permission=OWNER_OR_ADMIN, scopes=READ, loads=(CLIENT,), response=ClientRegistrationSchema, etag=True
)
def get_oauth2_client(call: Call) -> OAuth2Client:
    """Look at an OAuth2 client."""
    return call[CLIENT]


@Operation(
    permission=OWNER_OR_FIRST_PARTY_ADMIN,
    scopes=WRITE,
    loads=(CLIENT,),
    patch=POLICY,
    body_types=(JSON_PATCH, JSON),
    response=ClientRegistrationSchema,
    etag=True,
    problems=(ConflictError, ForbiddenError),
)
def patch_oauth2_client(call: Call) -> OAuth2Client:
    """Change an OAuth2 client by JSON Patch.

    A client that has the password grant after the change is changed by admins with write access who signed in
    through a first-party client. Its owner may change it by a patch that takes the password grant away.
    """
    return patch_item(call, call[CLIENT], lambda client, changes: _save(call, client, changes))


def _save(call: Call, client: OAuth2Client, changes: dict[str, Any]) -> None:
    before = {"redirect_uris": client.redirect_uris, "grant_types": client.grant_types}
    after = {**before, **changes}
    _check_password_grant(call, after["grant_types"])
    _check(client.client_type, after)
    save_changes(call, client, changes)


def save_changes(call: Call, client: OAuth2Client, changes: dict[str, Any]) -> None:
    """Write validated changes together with the event of them.

    :raises ConditionFailedError: "item" changed in the meantime.
    """
    details: dict[str, Detail] = {"fields": sorted(changes)}
    if "is_active" in changes:
        details["is_active"] = changes["is_active"]
    change_client(client, changes, _event(call, "client_change", client, details))


@Operation(permission=OWNER_OR_FIRST_PARTY_ADMIN, scopes=WRITE, loads=(CLIENT,), status=204, if_match=True)
def delete_oauth2_client(call: Call) -> None:
    """Delete an OAuth2 client; its tokens end at once."""
    remove_client(call, call[CLIENT])


def remove_client(call: Call, client: OAuth2Client) -> None:
    """Delete a client together with the event of it."""
    save_anew(call, client, lambda found: delete_client(found, _event(call, "client_deletion", found)))


@Operation(
    permission=OWNER,
    scopes=WRITE,
    loads=(CLIENT,),
    query=SecretRotationQuery,
    response=ClientRegistrationWithSecretSchema,
    etag=True,
    if_match=True,
    problems=(ConflictError,),
    rate_limit=rate_limit("10/minute", in_transaction=True),
    if_unsure="Look at the ETag: if it has changed, rotating again ends the secret that is in use.",
)
def rotate_oauth2_client_secret(call: Call) -> OAuth2Client:
    """Make a new secret; the one before stays valid for a day, or for `overlap` seconds.

    Only the owner may: a client acts for its owner, so whoever has its secret can do what the owner can.
    After a leak, rotate with `overlap=0`. Access tokens that the secret before was used for expire within an
    hour; while an admin suspends the client, they are refused.
    """
    return rotate_secret(call, call[CLIENT], call.query["overlap"])


def rotate_secret(call: Call, client: OAuth2Client, overlap: int) -> OAuth2Client:
    """Write a new secret together with the event of it, and return the client, which holds it.

    :param overlap: seconds for which the secret before stays valid.
    :raises ConflictError: it is a public client.
    """
    if client.client_type != CONFIDENTIAL:
        raise ConflictError("A public client has no secret.")
    return save_anew(call, client, lambda found: _rotate(call, found, overlap))


def _rotate(call: Call, client: OAuth2Client, overlap: int) -> None:
    secret = new_secret()
    values = {
        "secret_hash": hash_secret(secret),
        "previous_secret_hash": client.secret_hash,
        "previous_secret_until": int(time.time()) + overlap,
    }
    change_client(client, values, _event(call, "client_secret_rotation", client))
    client.client_secret = secret


def _event(
    call: Call, event: Event, client: OAuth2Client, more: Mapping[str, Detail] | None = None
) -> Transaction:
    """Begin what the call writes, with its event in it."""
    transaction = call.transaction()
    details = {"client": client.client_id, **(more or {})}
    record(transaction, call, event, user_id=client.user_id, details=details)
    return transaction


def _check_password_grant(call: Call, grant_types: Collection[str]) -> None:
    """Check what schemas can't see: who decides on clients that people give their passwords to.

    :param grant_types: those that the client is to have.
    :raises ForbiddenError: the password grant is among them, and the caller is no admin who may give it.
    """
    if PASSWORD in grant_types and not FIRST_PARTY_ADMIN.allows(call):
        raise ForbiddenError(
            "Who may register a client with the password grant, or change one that keeps it: "
            f"{FIRST_PARTY_ADMIN.sentence}."
        )


def _check(client_type: str, values: dict[str, Any]) -> None:
    """Check what schemas can't see: how fields fit together.

    :raises InvalidValueError: the fields contradict each other.
    """
    flaws = client_flaws(client_type, values)
    if flaws:
        raise InvalidValueError(
            errors=[{"pointer": f"/{name}", "detail": detail} for name, detail in flaws.items()]
        )
