"""OAuth2 clients for operators: create, list, rotate secrets, suspend and delete."""

import time
from collections.abc import Iterable
from typing import Any

from chalicelib.context import Context, run
from chalicelib.db import keys
from chalicelib.db.table import engine_errors, get_many, query
from chalicelib.errors import InvalidValueError
from chalicelib.oauth.clients import actions
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.clients.schemas import (
    MAX_OVERLAP,
    ClientRegistrationInputSchema,
    ClientRegistrationSchema,
    ClientRegistrationWithSecretSchema,
)
from chalicelib.users.models import User
from chalicelib.web.body import load_body
from chalicelib.web.pagination import shown_by
from tasks.calls import find_user, flaws, print_json
from tasks.errors import TaskError

OPTIONS = {
    "client_name": "--name",
    "client_type": "--type",
    "redirect_uris": "--redirect-uri",
    "default_scopes": "--scope",
    "grant_types": "--grant",
}
BATCH = 100  # keys of one BatchGetItem (AWS quota)


def create(context: Context, owner: str, fields: dict[str, Any]) -> OAuth2Client:
    """Write a new client, as the API does; any owner's may have the password grant.

    :param owner: username, e-mail address or id.
    :param fields: as a request's body has them; empty ones are left out.
    """
    user = find_user(owner)
    try:
        loaded = load_body(
            ClientRegistrationInputSchema, {name: value for name, value in fields.items() if value}
        )
        return run(context, lambda fresh: actions.create_client(fresh, user.id, loaded))
    except InvalidValueError as error:
        raise flaws(error, OPTIONS) from error


def find(client_id: str) -> OAuth2Client:
    """Find a client, or raise TaskError."""
    key = keys.client(client_id)
    client = get_many([key]).get(key) if keys.CLIENT_ID.fullmatch(client_id) else None
    if not isinstance(client, OAuth2Client):
        raise TaskError(f"There is no client {client_id}: clients.list shows them.")
    return client


def rotate(context: Context, client_id: str, overlap: int) -> OAuth2Client:
    """Create a new secret for a client; the one before stays valid for `overlap` seconds."""
    if not 0 <= overlap <= MAX_OVERLAP:
        raise TaskError(f"--overlap is between 0 and {MAX_OVERLAP} seconds.")

    def rotate_secret(fresh: Context) -> OAuth2Client:
        client = find(client_id)
        actions.rotate_secret(fresh, client, overlap)
        return client

    return run(context, rotate_secret)


def set_active(context: Context, client_id: str, *, active: bool) -> str:
    """Suspend or resume a client, as a PATCH does, and return the result as text."""
    client = find(client_id)
    done = "active" if active else "suspended"
    if client.is_active == active:
        return f"{client_id} is {done} already."
    run(context, lambda fresh: actions.change_client(fresh, find(client_id), {"is_active": active}))
    return f"{client_id} is {done}." + ("" if active else " Its tokens are refused until it is resumed.")


def revoke(context: Context, client_id: str) -> OAuth2Client:
    """Delete a client, as the API does: its tokens end at once."""

    def delete(fresh: Context) -> OAuth2Client:
        client = find(client_id)
        actions.delete_client(fresh, client)
        return client

    return run(context, delete)


def show_secret(client: OAuth2Client, done: str, *, as_json: bool) -> None:
    """Print what was done with a client, and its secret, which cannot be shown again."""
    if as_json:
        print_json(ClientRegistrationWithSecretSchema, client)
        return
    print(f"{done}: {client.client_id}")
    if client.client_secret:
        print(f"Its secret, shown only once: {client.client_secret}")
    if time.time() < client.previous_secret_until:
        until = time.strftime("%F %T UTC", time.gmtime(client.previous_secret_until))
        print(f"The previous secret is valid until {until}.")
    elif client.previous_secret_hash:
        print("The previous secret is no longer valid.")


def show(owner: str, *, as_json: bool) -> None:
    """Print the clients of an owner, or all of them, which reads the whole table."""
    clients = _of(find_user(owner)) if owner else _all()
    if as_json:
        print_json(ClientRegistrationSchema, clients)
        return
    names = _usernames({client.user_id for client in clients})
    for client in clients:
        grants = ", ".join(client.grant_types) or "no grant"
        parts = [f"{client.client_id:33}", f"{client.client_type:12}", names[client.user_id], grants]
        mark = "" if client.is_active else "(suspended)"
        print(*parts, *filter(None, [client.client_name, mark]), sep="  ")
    print(f"{len(clients)} clients.")


def _of(user: User) -> list[OAuth2Client]:
    return query(OAuth2Client, keys.clients_of(user.id), attributes=shown_by(ClientRegistrationSchema))


def _all() -> list[OAuth2Client]:
    # There is no index of all clients: the API lists them by owner.
    with engine_errors():
        return sorted(OAuth2Client.scan(consistent_read=True), key=lambda client: client.client_id)


def _usernames(ids: Iterable[str]) -> dict[str, str]:
    names = dict.fromkeys(ids, "nobody")
    wanted = list(names)
    for start in range(0, len(wanted), BATCH):
        found = get_many(keys.user(user_id) for user_id in wanted[start : start + BATCH]).values()
        names |= {user.id: user.username for user in found if isinstance(user, User)}
    return names
