"""What every task does in front of a user: one clear line and status 2 where something can't be done."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from invoke.exceptions import Exit, ParseError
from invoke.main import program

WRONG = 2  # exit status


@contextmanager
def refusing(*kinds: type[Exception]) -> Iterator[None]:
    """Tell errors in one line, and end with status 2.

    :param kinds: those whose message is meant for the user.
    """
    try:
        yield
    except kinds as error:
        raise Exit(str(error), WRONG) from error


def words(text: str) -> list[str]:
    """Split what is passed on to another program, as a shell does."""
    with refusing(ValueError):
        return shlex.split(text)


def refuse_wrong_arguments() -> None:
    """Let `invoke` end with status 2 for arguments that it can't parse; it has 1, or a traceback."""
    parse = program.parse_tasks

    def parse_tasks() -> None:
        with refusing(ParseError, ValueError):
            parse()

    program.parse_tasks = parse_tasks  # type: ignore[method-assign]  # the program has no hook for it
