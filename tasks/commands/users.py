"""`invoke users.*`: the accounts of a stage."""

from invoke.context import Context

from tasks.console import YES_HELP, command, number
from tasks.stages import STAGE_HELP

USER_HELP = "username, e-mail address or id"
PASSWORD_HELP = "read the password from a line of standard input (default: ask for it)"  # noqa: S105 - help


@command(
    username="letters, digits, and . _ -",
    email="e-mail address",
    admin="make it an admin",
    internal="let it pass every permission, which the API never grants",
    password_stdin=PASSWORD_HELP,
    stage=STAGE_HELP,
    yes=YES_HELP,
)
def create(
    _context: Context,
    username: str,
    email: str,
    *,
    admin: bool = False,
    internal: bool = False,
    password_stdin: bool = False,
    stage: str = "",
    yes: bool = False,
) -> None:
    """Create a user, such as the first admin of a stage."""
    from tasks import users
    from tasks.tables import on_table

    with on_table("users.create", stage, writes=True, yes=yes, answers=not password_stdin) as call:
        password = users.read_password(from_stdin=password_stdin)
        roles = {"is_admin": admin, "is_internal": internal}
        user = users.create(call, {"username": username, "email": email}, password, roles)
        print(*filter(None, ["Made", user.username, users.described(user), "with the id", user.id]))


@command(
    "list",
    limit="number of users, at most (default: 20)",
    all="show all users",
    json="print JSON, as the API shows it",
    stage=STAGE_HELP,
)
def list_users(
    _context: Context,
    *,
    limit: str = "20",
    all: bool = False,  # noqa: A002 - it is the name of the option
    json: bool = False,
    stage: str = "",
) -> None:
    """Show users in the order of their creation."""
    from tasks import users
    from tasks.tables import on_table

    with on_table("users.list", stage):
        users.show(None if all else number("--limit", limit), as_json=json)


@command(user=USER_HELP, stage=STAGE_HELP, yes=YES_HELP)
def disable(_context: Context, user: str, stage: str = "", yes: bool = False) -> None:
    """Disable a user, and end all tokens of the account; the last active admin cannot be disabled."""
    _set_active("users.disable", user, stage, yes=yes, active=False)


@command(user=USER_HELP, stage=STAGE_HELP, yes=YES_HELP)
def enable(_context: Context, user: str, stage: str = "", yes: bool = False) -> None:
    """Enable a disabled user."""
    _set_active("users.enable", user, stage, yes=yes, active=True)


def _set_active(name: str, user: str, stage: str, *, yes: bool, active: bool) -> None:
    from tasks import users
    from tasks.tables import on_table

    with on_table(name, stage, writes=True, yes=yes) as call:
        print(users.set_active(call, user, active=active))


@command(user=USER_HELP, password_stdin=PASSWORD_HELP, stage=STAGE_HELP, yes=YES_HELP)
def reset_password(
    _context: Context, user: str, password_stdin: bool = False, stage: str = "", yes: bool = False
) -> None:
    """Set another password; all of the account's tokens end."""
    from tasks import users
    from tasks.calls import find_user
    from tasks.tables import on_table

    with on_table("users.reset-password", stage, writes=True, yes=yes, answers=not password_stdin) as call:
        found = find_user(user)
        users.set_password(call, found, users.read_password(from_stdin=password_stdin))
        print(f"The password of {found.username} is changed. All tokens of this account have ended.")
