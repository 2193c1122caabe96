"""A Python shell with a stage's table in it."""

import traceback
from typing import Any

from chalicelib.db import keys
from chalicelib.db.table import Item, get_many, query
from chalicelib.db.transaction import Transaction
from chalicelib.settings import Settings, address
from tasks.calls import find_user
from tasks.console import missing_engine
from tasks.data.items import known_kinds
from tasks.errors import TaskError


def kinds() -> dict[str, type[Item]]:
    """Return every kind of item that there is, by the name of its class."""
    return {kind.__name__: kind for kind in known_kinds().values()}


def names(settings: Settings) -> dict[str, Any]:
    """Return the shell's namespace."""
    others = {"settings": settings, "keys": keys, "get_many": get_many, "query": query}
    return {**kinds(), "Transaction": Transaction, "find_user": find_user, **others}


def banner(settings: Settings) -> str:
    """Return the welcome text: the stage, its table and the names that are defined."""
    where = address(settings.dynamodb_endpoint or settings.region)
    return "\n".join(
        [
            f"Stage {settings.stage}: the table {settings.table_name} at {where}, connected.",
            f"Models: {', '.join(sorted(kinds()))}",
            "settings, keys (all there are), get_many([keys.user(id)]), query(User, keys.USERS, limit=20),",
            'find_user("username, e-mail or id"), Transaction(). Nothing written here is in the audit trail.',
        ]
    )


def run_line(settings: Settings, line: str) -> bool:
    """Run one line as the shell would, print its value, and return whether it succeeded.

    :raises TaskError: the line is not valid Python.
    """
    try:
        compiled = compile(f"{line}\n", "<command>", "single")
    except (SyntaxError, ValueError) as error:
        raise TaskError(f"--command: {error}") from error
    try:
        exec(compiled, names(settings))  # noqa: S102 - this is what a shell does
    except Exception as error:  # anything that the user's line may raise
        if missing_engine(error):
            raise
        traceback.print_exc(limit=0)
        return False
    return True


def run(settings: Settings) -> None:
    """Run the interactive shell until the user leaves."""
    # it takes a second, which --command does not need
    from IPython import start_ipython  # noqa: PLC0415 - see above

    print(banner(settings))
    start_ipython(argv=["--no-banner", "--no-tip", "--no-confirm-exit"], user_ns=names(settings))
