"""`invoke users.*`: the accounts of a stage."""

from typing import TYPE_CHECKING

from tasks.console import number, stage_command

if TYPE_CHECKING:  # importing it takes long
    from chalicelib.context import Context

USER_HELP = "username, e-mail address or id"
PASSWORD_HELP = "read the password from a line of standard input (default: ask for it)"  # noqa: S105 - help


@stage_command(
    writes=True,
    username="letters, digits, and . _ -",
    email="e-mail address",
    admin="make it an admin",
    internal="let it pass every permission, which the API never grants",
    password_stdin=PASSWORD_HELP,
)
def create(
    context: "Context",
    username: str,
    email: str,
    *,
    admin: bool = False,
    internal: bool = False,
    password_stdin: bool = False,
) -> None:
    """Create a user, such as the first admin of a stage."""
    from tasks import users

    password = users.read_password(from_stdin=password_stdin)
    roles = {"is_admin": admin, "is_internal": internal}
    user = users.create(context, {"username": username, "email": email}, password, roles)
    print(*filter(None, ["Made", user.username, users.described(user), "with the id", user.id]))


@stage_command(
    "list",
    limit="number of users, at most (default: 20)",
    all="show all users",
    json="print JSON, as the API shows it",
)
def list_users(_context: "Context", *, limit: str = "20", all: bool = False, json: bool = False) -> None:
    """Show users in the order of their creation."""
    from tasks import users

    users.show(None if all else number("--limit", limit), as_json=json)


@stage_command(writes=True, user=USER_HELP)
def disable(context: "Context", user: str) -> None:
    """Disable a user, and end all tokens of the account; the last active admin cannot be disabled."""
    from tasks import users

    print(users.set_active(context, user, active=False))


@stage_command(writes=True, user=USER_HELP)
def enable(context: "Context", user: str) -> None:
    """Enable a disabled user."""
    from tasks import users

    print(users.set_active(context, user, active=True))


@stage_command(writes=True, user=USER_HELP, password_stdin=PASSWORD_HELP)
def reset_password(context: "Context", user: str, *, password_stdin: bool = False) -> None:
    """Set another password; all of the account's tokens end."""
    from tasks import users
    from tasks.calls import find_user

    found = find_user(user)
    users.set_password(context, found, users.read_password(from_stdin=password_stdin))
    print(f"The password of {found.username} is changed. All tokens of this account have ended.")


@stage_command(user=USER_HELP)
def export(_context: "Context", user: str) -> None:
    """Print everything that is stored about a user as JSON, without secrets."""
    from tasks import users

    users.export(user)


@stage_command(writes=True, user=USER_HELP)
def erase(context: "Context", user: str) -> None:
    """Erase a user for good: access ends at once, everything that names the person within minutes."""
    from tasks import users

    print(users.erase(context, user))
