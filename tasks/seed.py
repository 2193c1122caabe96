"""The table of a local stage, and its development data: what the README's tour works with.

`python -m tasks.seed` makes both, and prints what a developer signs in with.
"""

from contextlib import suppress

from chalicelib.context import Context, run
from chalicelib.db import keys
from chalicelib.db.table import connect, create_table, get_many
from chalicelib.db.unique import UniqueName
from chalicelib.errors import ConflictError
from chalicelib.oauth.clients import actions as clients
from chalicelib.oauth.clients.models import CONFIDENTIAL, PUBLIC_CLIENT, OAuth2Client
from chalicelib.oauth.secrets import hash_secret
from chalicelib.scopes import SCOPES
from chalicelib.security.passwords import hash_password
from chalicelib.settings import Settings
from chalicelib.users import actions as users
from chalicelib.users.models import new_user
from tasks.data import shards
from tasks.errors import TaskError
from tasks.stages import settings_of
from tasks.tables import task_context

ROLES = {"is_admin": "admin", "is_internal": "internal"}
# Development only: too short for the API, which would refuse them.
USERS: dict[str, dict[str, str | bool]] = {
    "root": {"password": "q", "is_admin": True},
    "user": {"password": "w"},
    "internal": {"password": "q", "is_internal": True},
}
DOCUMENTATION = "documentation"
# Whatever the port: it is the loopback address (RFC 8252 §7.3).
REDIRECT_URIS = [f"http://{host}:8000/api/v1/oauth2-redirect" for host in ("127.0.0.1", "localhost")]
SERVICE = "service"
SERVICE_SECRET = "development-secret"  # noqa: S105 - development only, known to everybody


def main() -> None:
    """Create what is missing, with the settings of the environment."""
    connect(Settings.from_env())
    create_table()
    print(seed())


def open_local(stage: str) -> Settings:
    """Connect to the table of a local stage, for operations that deployed stages do not allow.

    :raises TaskError: the stage is deployed.
    """
    settings = settings_of(stage)
    if not settings.is_local:
        raise TaskError(
            f"{settings.stage} is deployed. Its stack has the table (invoke deploy --stage {settings.stage});"
            " development data, whose passwords are public, is for local stages."
        )
    connect(settings)
    return settings


def seed() -> str:
    """Write the data that is not there yet, and return what a developer signs in with."""
    shards.mark_if_new()
    context = task_context("db.seed", Settings.from_env())
    for username, fields in USERS.items():
        _create_user(context, username, fields)
    owner = _user_id("root")
    grants = ["password", "refresh_token", "authorization_code"]
    _create_client(context, _client(DOCUMENTATION, owner, PUBLIC_CLIENT, grants, None))
    _create_client(context, _client(SERVICE, owner, CONFIDENTIAL, ["client_credentials"], SERVICE_SECRET))
    accounts = ", ".join(_described(name, fields) for name, fields in USERS.items())
    secrets = f"{DOCUMENTATION} (public), {SERVICE}/{SERVICE_SECRET} (client_credentials)"
    return f"Users:    {accounts}\nClients:  {secrets}"


def _described(name: str, fields: dict[str, str | bool]) -> str:
    roles = [role for flag, role in ROLES.items() if fields.get(flag)]
    return f"{name}/{fields['password']}" + (f" ({', '.join(roles)})" if roles else "")


def _create_user(context: Context, username: str, fields: dict[str, str | bool]) -> None:
    password_hash = hash_password(str(fields["password"]))
    flags = {name: value for name, value in fields.items() if name != "password"}
    email = f"{username}@localhost.localdomain"
    user = new_user(username=username, email=email, password_hash=password_hash, **flags)
    with suppress(ConflictError):
        run(context, lambda fresh: users.add_user(fresh, user))


def _user_id(username: str) -> str:
    key = keys.username(username)
    marker = get_many([key])[key]
    if not isinstance(marker, UniqueName):
        raise TypeError(f"{username} has no marker")
    return marker.item_id


def _client(
    client_id: str, owner: str, client_type: str, grant_types: list[str], secret: str | None
) -> OAuth2Client:
    return OAuth2Client.at(
        keys.client(client_id),
        client_id=client_id,
        client_name=client_id.title(),
        user_id=owner,
        client_type=client_type,
        secret_hash=hash_secret(secret) if secret else None,
        redirect_uris=REDIRECT_URIS if secret is None else [],
        default_scopes=sorted(SCOPES),
        grant_types=grant_types,
    )


def _create_client(context: Context, client: OAuth2Client) -> None:
    try:
        run(context, lambda fresh: clients.add_client(fresh, client, otherwise=ConflictError()))
    except ConflictError:
        _add_scopes(client)


def _add_scopes(client: OAuth2Client) -> None:
    """Add the scopes of new resources to an existing client."""
    present = get_many([client.key])[client.key]
    if isinstance(present, OAuth2Client) and set(SCOPES) - set(present.default_scopes):
        present.update([OAuth2Client.default_scopes.set(client.default_scopes)])


if __name__ == "__main__":
    main()
