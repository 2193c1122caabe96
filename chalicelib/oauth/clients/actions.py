"""What can be done with OAuth2 clients; each action adds to the context's work."""

import time
from collections.abc import Mapping
from typing import Any

from chalicelib.context import Context
from chalicelib.db import counters, keys
from chalicelib.errors import ApiError, ConflictError, InvalidValueError
from chalicelib.events import Detail, Event, EventName
from chalicelib.oauth.clients.models import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    CONFIDENTIAL,
    PUBLIC_CLIENT,
    REFRESH_TOKEN,
    OAuth2Client,
)
from chalicelib.oauth.secrets import hash_secret, new_secret


def create_client(context: Context, user_id: str, fields: Mapping[str, Any]) -> OAuth2Client:
    """Create a client of a user; a confidential one holds its secret afterwards.

    :param fields: as ClientRegistrationInputSchema loaded them.
    :raises InvalidValueError: they contradict each other.
    """
    redirect_uris = fields.get("redirect_uris", [])
    by_default = [AUTHORIZATION_CODE, REFRESH_TOKEN] if redirect_uris else [CLIENT_CREDENTIALS]
    grant_types = fields.get("grant_types", by_default)
    _check(fields["client_type"], grant_types, redirect_uris)
    client_id = f"client-{keys.new_id().lower()}"
    client = OAuth2Client.at(
        keys.client(client_id),
        client_id=client_id,
        user_id=user_id,
        client_name=fields.get("client_name", ""),
        client_type=fields["client_type"],
        redirect_uris=redirect_uris,
        default_scopes=fields.get("default_scopes", []),
        grant_types=grant_types,
    )
    if client.client_type == CONFIDENTIAL:
        client.client_secret = new_secret()
        client.secret_hash = hash_secret(client.client_secret)
    add_client(context, client)
    _emit(context, "client_creation", client)
    return client


def add_client(context: Context, client: OAuth2Client, *, otherwise: ApiError | None = None) -> None:
    """Write a client that is made already, and count it among its owner's.

    :param otherwise: raised by the commit if there is one with this id.
    """
    context.work.put(client, otherwise=otherwise)
    counters.add(context.work, keys.clients_of(client.user_id), 1)


def change_client(context: Context, client: OAuth2Client, changes: Mapping[str, Any]) -> None:
    """Change fields of a client.

    :raises InvalidValueError: they contradict each other.
    """
    grant_types = changes.get("grant_types", client.grant_types)
    _check(client.client_type, grant_types, changes.get("redirect_uris", client.redirect_uris))
    context.work.change(client, changes)
    details: dict[str, Detail] = {"fields": sorted(changes)}
    if "is_active" in changes:
        details["is_active"] = changes["is_active"]
    _emit(context, "client_change", client, **details)


def delete_client(context: Context, client: OAuth2Client) -> None:
    """Delete a client: its tokens end with it, since each request looks for the client."""
    context.work.delete(client)
    counters.add(context.work, keys.clients_of(client.user_id), -1)
    _emit(context, "client_deletion", client)


def rotate_secret(context: Context, client: OAuth2Client, overlap: int) -> None:
    """Replace the secret of a client, which holds the new one afterwards.

    :param overlap: seconds for which the secret before stays valid.
    :raises ConflictError: it is a public client.
    """
    if client.client_type != CONFIDENTIAL:
        raise ConflictError("A public client has no secret.")
    client.client_secret = new_secret()
    values = {
        "secret_hash": hash_secret(client.client_secret),
        "previous_secret_hash": client.secret_hash,
        "previous_secret_until": int(time.time()) + overlap,
    }
    context.work.change(client, values)
    _emit(context, "client_secret_rotation", client)


def _emit(context: Context, name: EventName, client: OAuth2Client, **details: Detail) -> None:
    details = {"client": client.client_id, **details}
    context.emit(Event(name=name, user_id=client.user_id, details=details))


def _check(client_type: str, grant_types: list[str], redirect_uris: list[str]) -> None:
    """Check what schemas cannot see: how fields fit together."""
    name = detail = ""
    if client_type == PUBLIC_CLIENT and CLIENT_CREDENTIALS in grant_types:
        name, detail = "grant_types", "A public client has no secret, so it can't use client_credentials."
    elif AUTHORIZATION_CODE in grant_types and not redirect_uris:
        name, detail = "redirect_uris", "authorization_code needs at least one redirect URI."
    if name:
        raise InvalidValueError(errors=[{"pointer": f"/{name}", "detail": detail}])
