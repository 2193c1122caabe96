"""`invoke clients.*`: the OAuth2 clients of a stage."""

from invoke.context import Context

from tasks.console import YES_HELP, command, number
from tasks.stages import STAGE_HELP

SECRET_JSON_HELP = "print JSON, as the API shows it"  # noqa: S105 - help
CLIENT_HELP = "id of the client (clients.list shows it)"


@command(
    iterable=["grant", "scope", "redirect_uri"],
    owner="owner of the client: username, e-mail address or id",
    name="name that people see",
    type="confidential (it can keep a secret) or public",
    grant="grant type: authorization_code, client_credentials, refresh_token, or password for your own apps; "
    "may be repeated (default: what fits the redirect URIs)",
    scope="scope of its tokens, such as teams:read; may be repeated",
    redirect_uri="URI to return to after a sign-in; may be repeated",
    json=SECRET_JSON_HELP,
    stage=STAGE_HELP,
    yes=YES_HELP,
)
def create(
    _context: Context,
    owner: str,
    *,
    name: str = "",
    type: str = "confidential",  # noqa: A002 - it is the name of the option
    grant: list[str] | None = None,
    scope: list[str] | None = None,
    redirect_uri: list[str] | None = None,
    json: bool = False,
    stage: str = "",
    yes: bool = False,
) -> None:
    """Register an OAuth2 client, and show its secret, which is not shown again."""
    from tasks import clients
    from tasks.tables import on_table

    fields = {
        "client_name": name,
        "client_type": type,
        "grant_types": grant,
        "default_scopes": scope,
        "redirect_uris": redirect_uri,
    }
    with on_table("clients.create", stage, writes=True, yes=yes) as call:
        clients.show_secret(clients.create(call, owner, fields), "Registered", as_json=json)


@command(
    "list",
    owner="username, e-mail address or id of their owner (default: all clients, which reads the whole table)",
    json="print JSON, as the API shows it",
    stage=STAGE_HELP,
)
def list_clients(_context: Context, owner: str = "", json: bool = False, stage: str = "") -> None:
    """Show OAuth2 clients, and whose they are."""
    from tasks import clients
    from tasks.tables import on_table

    with on_table("clients.list", stage):
        clients.show(owner, as_json=json)


@command(
    client_id=CLIENT_HELP,
    overlap="seconds for which the old secret stays valid (default: a day); 0 after a leak",
    json=SECRET_JSON_HELP,
    stage=STAGE_HELP,
    yes=YES_HELP,
)
def rotate(
    _context: Context,
    client_id: str,
    *,
    overlap: str = "86400",
    json: bool = False,
    stage: str = "",
    yes: bool = False,
) -> None:
    """Create a new secret for a client; the old one stays valid for a while."""
    from tasks import clients
    from tasks.tables import on_table

    with on_table("clients.rotate", stage, writes=True, yes=yes) as call:
        clients.show_secret(
            clients.rotate(call, client_id, number("--overlap", overlap, 0)), "Rotated", as_json=json
        )


@command(client_id=CLIENT_HELP, stage=STAGE_HELP, yes=YES_HELP)
def suspend(_context: Context, client_id: str, stage: str = "", yes: bool = False) -> None:
    """Refuse whatever a client asks for, and its tokens, until it is resumed."""
    _set_active("clients.suspend", client_id, stage, yes=yes, active=False)


@command(client_id=CLIENT_HELP, stage=STAGE_HELP, yes=YES_HELP)
def resume(_context: Context, client_id: str, stage: str = "", yes: bool = False) -> None:
    """Resume a suspended client; tokens that have not expired in the meantime work again."""
    _set_active("clients.resume", client_id, stage, yes=yes, active=True)


def _set_active(name: str, client_id: str, stage: str, *, yes: bool, active: bool) -> None:
    from tasks import clients
    from tasks.tables import on_table

    with on_table(name, stage, writes=True, yes=yes) as call:
        print(clients.set_active(call, client_id, active=active))


@command(client_id=CLIENT_HELP, stage=STAGE_HELP, yes=YES_HELP)
def revoke(_context: Context, client_id: str, stage: str = "", yes: bool = False) -> None:
    """Delete a client; all of its tokens end at once."""
    from tasks import clients
    from tasks.tables import on_table

    with on_table("clients.revoke", stage, writes=True, yes=yes) as call:
        client = clients.revoke(call, client_id)
        print(f"{client.client_id} is deleted. All of its tokens have ended.")
