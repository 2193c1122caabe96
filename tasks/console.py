"""What every task does in front of a user: one clear line and status 2 where something can't be done."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy

from invoke.exceptions import Exit, ParseError
from invoke.main import program
from invoke.parser.context import ParserContext

from chalicelib.errors import ServiceUnavailableError
from chalicelib.settings import address

WRONG = 2  # exit status
YES_HELP = "do not ask, not even for prod"
START = "Start `make run` in another terminal."
HELP = ("--help", "-h")


@contextmanager
def refusing(*kinds: type[Exception]) -> Iterator[None]:
    """Tell errors in one line, and end with status 2.

    :param kinds: those whose message is meant for the user.
    """
    try:
        yield
    except kinds as error:
        raise Exit(_told(error), WRONG) from error


def missing_engine(error: BaseException | None) -> str:
    """Return the address of the local engine that did not answer, if that is what an error is about."""
    while (
        error and type(error).__name__ != "EndpointConnectionError"
    ):  # botocore's, which takes time to import
        error = error.__cause__ or error.__context__
    url = str(getattr(error, "kwargs", {}).get("endpoint_url", ""))
    return address(url) if url.startswith("http://") else ""


def _told(error: Exception) -> str:
    if endpoint := missing_engine(error):
        return f"No engine at {endpoint}: start `make run` in another terminal."
    # Users of the API are told to try again; who runs a task can do more about it, and has to know.
    known = isinstance(error, ServiceUnavailableError) and error.__cause__
    text = " ".join(str(known).split()) if known else str(error)
    # PynamoDB's errors keep what DynamoDB said
    cause = str(getattr(known or error, "cause", None) or "")
    return text if cause in text else f"{text}: {' '.join(cause.split())}"


def words(text: str) -> list[str]:
    """Split what is passed on to another program, as a shell does."""
    with refusing(ValueError):
        return shlex.split(text)


def at_least(least: int, **given: int) -> None:
    """End with status 2 where a number is too low.

    :param given: numbers by the names of their options.
    """
    for name, number in given.items():
        if number < least:
            raise Exit(f"--{name} is {least} or more.", WRONG)


def refuse_wrong_arguments() -> None:
    """Let `invoke` end with status 2 for arguments that it can't parse; it has 1, or a traceback."""
    parse = program.parse_tasks

    def parse_tasks() -> None:
        with refusing(ParseError, ValueError):
            # a copy, since a task forgets its help when it is asked for its arguments
            found = deepcopy(program.collection).to_contexts()
            contexts = {context.name: context for context in found}
            asked = look_for_help(program.core.unparsed, contexts)
            if asked:
                # as `invoke --help TASK`, which works in any case
                program.args.help.value = asked
                program.core.unparsed.clear()
            parse()

    program.parse_tasks = parse_tasks  # type: ignore[method-assign]  # the program has no hook for it


def _is_glued(token: str) -> bool:
    # short options in one word, such as -yj, or one with its value; `invoke` takes them apart
    return not token.startswith("--") and len(token) > 2


def look_for_help(tokens: list[str], contexts: Mapping[str | None, ParserContext]) -> str | None:
    """Name the task that somebody wants help for; `invoke` takes --help for a missing argument's value.

    :raises ParseError: there is no such option, which would become a value, too; or the last one, which may
        be there several times, has none.
    """
    context, is_value = None, False
    for token in tokens:
        name = token.partition("=")[0]
        if is_value or context is None or not token.startswith("-"):
            context, is_value = contexts.get(token, context), False
        elif name in context.flags:
            is_value = context.flags[name].takes_value and name == token
        elif name in HELP:
            return context.name
        elif name not in {**context.inverse_flags, **program.initial_context.flags} and not _is_glued(token):
            raise ParseError(f"No idea what {token!r} is!")
    if is_value:
        raise ParseError(f"{tokens[-1]} needs a value.")
    return None
