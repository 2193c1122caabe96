"""`invoke clients.*`: the OAuth2 clients of a stage."""

from typing import TYPE_CHECKING

from tasks.console import number, stage_command

if TYPE_CHECKING:  # importing it takes long
    from chalicelib.context import Context

SECRET_JSON_HELP = "print JSON, as the API shows it"  # noqa: S105 - help
CLIENT_HELP = "id of the client (clients.list shows it)"


@stage_command(
    writes=True,
    iterable=["grant", "scope", "redirect_uri"],
    owner="owner of the client: username, e-mail address or id",
    name="name that people see",
    type="confidential (it can keep a secret) or public",
    grant="grant type: authorization_code, client_credentials, refresh_token, or password for your own apps; "
    "may be repeated (default: what fits the redirect URIs)",
    scope="scope of its tokens, such as teams:read; may be repeated",
    redirect_uri="URI to return to after a sign-in; may be repeated",
    json=SECRET_JSON_HELP,
)
def create(
    context: "Context",
    owner: str,
    *,
    name: str = "",
    type: str = "confidential",
    grant: list[str] | None = None,
    scope: list[str] | None = None,
    redirect_uri: list[str] | None = None,
    json: bool = False,
) -> None:
    """Register an OAuth2 client, and show its secret, which is not shown again."""
    from tasks import clients

    fields = {
        "client_name": name,
        "client_type": type,
        "grant_types": grant,
        "default_scopes": scope,
        "redirect_uris": redirect_uri,
    }
    clients.show_secret(clients.create(context, owner, fields), "Registered", as_json=json)


@stage_command(
    "list",
    owner="username, e-mail address or id of their owner (default: all clients, which reads the whole table)",
    json="print JSON, as the API shows it",
)
def list_clients(_context: "Context", owner: str = "", *, json: bool = False) -> None:
    """Show OAuth2 clients, and whose they are."""
    from tasks import clients

    clients.show(owner, as_json=json)


@stage_command(
    writes=True,
    client_id=CLIENT_HELP,
    overlap="seconds for which the old secret stays valid (default: a day); 0 after a leak",
    json=SECRET_JSON_HELP,
)
def rotate(context: "Context", client_id: str, *, overlap: str = "86400", json: bool = False) -> None:
    """Create a new secret for a client; the old one stays valid for a while."""
    from tasks import clients

    client = clients.rotate(context, client_id, number("--overlap", overlap, 0))
    clients.show_secret(client, "Rotated", as_json=json)


@stage_command(writes=True, client_id=CLIENT_HELP)
def suspend(context: "Context", client_id: str) -> None:
    """Refuse whatever a client asks for, and its tokens, until it is resumed."""
    from tasks import clients

    print(clients.set_active(context, client_id, active=False))


@stage_command(writes=True, client_id=CLIENT_HELP)
def resume(context: "Context", client_id: str) -> None:
    """Resume a suspended client; tokens that have not expired in the meantime work again."""
    from tasks import clients

    print(clients.set_active(context, client_id, active=True))


@stage_command(writes=True, client_id=CLIENT_HELP)
def revoke(context: "Context", client_id: str) -> None:
    """Delete a client; all of its tokens end at once."""
    from tasks import clients

    print(f"{clients.revoke(context, client_id).client_id} is deleted. All of its tokens have ended.")
