"""What can be done with OAuth2 clients; each action adds to the context's work."""

import time
from collections.abc import Mapping
from typing import Any

from chalicelib.context import Context
from chalicelib.db import counters, keys
from chalicelib.errors import ApiError, ConflictError, InvalidValueError
from chalicelib.events import Detail, Event, EventName
from chalicelib.oauth.clients.models import CONFIDENTIAL, PUBLIC_CLIENT, OAuth2Client
from chalicelib.oauth.secrets import hash_secret, new_secret


def create_client(context: Context, user_id: str, fields: Mapping[str, Any]) -> OAuth2Client:
    """Create a client; a confidential one holds its secret afterwards.

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
    present = {"redirect_uris": client.redirect_uris, "grant_types": client.grant_types}
    _check(client.client_type, {**present, **changes})
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


def _check(client_type: str, values: Mapping[str, Any]) -> None:
    """Check what schemas can't see: how fields fit together.

    :raises InvalidValueError: the fields contradict each other.
    """
    flaws = client_flaws(client_type, values)
    if flaws:
        raise InvalidValueError(
            errors=[{"pointer": f"/{name}", "detail": detail} for name, detail in flaws.items()]
        )


def default_grant_types(redirect_uris: list[str]) -> list[str]:
    """Return the grant types of a client that names none."""
    return ["authorization_code", "refresh_token"] if redirect_uris else ["client_credentials"]


def client_flaws(client_type: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with fields that do not fit together, by name."""
    grants, uris = values["grant_types"], values["redirect_uris"]
    if client_type == PUBLIC_CLIENT and "client_credentials" in grants:
        return {"grant_types": "A public client has no secret, so it can't use client_credentials."}
    if "authorization_code" in grants and not uris:
        return {"redirect_uris": "authorization_code needs at least one redirect URI."}
    return {}
