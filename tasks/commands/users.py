"""`invoke users.*`: the accounts of a stage."""

from invoke.context import Context

from tasks.console import YES_HELP, command, number
from tasks.stages import STAGE_HELP

USER_HELP = "username, e-mail address or id"
PASSWORD_HELP = "read the password from standard input, one line of it; else it is asked for"  # noqa: S105 - help


@command(
    username="of letters, digits, and . _ -",
    email="e-mail address",
    admin="may do what admins may",
    internal="passes every permission, which the API never gives",
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
    """Make a user, such as the first admin of a stage."""
    from tasks import users
    from tasks.tables import on_table

    with on_table("users.create", stage, writes=True, yes=yes, answers=not password_stdin) as call:
        password = users.read_password(from_stdin=password_stdin)
        roles = {"is_admin": admin, "is_internal": internal}
        user = users.create(call, {"username": username, "email": email}, password, roles)
        print(*filter(None, ["Made", user.username, users.described(user), "with the id", user.id]))


@command(
    "list",
    limit="how many at most",
    all="all of them, however many there are",
    json="as the API shows them",
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
    """Keep a user out, and end all of the account's tokens; the last active admin stays."""
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
        print(f"{found.username} has another password. All tokens of this account have ended.")
