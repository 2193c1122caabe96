"""What tasks share at the terminal: their declaration, their errors, and the confirmation of changes."""

import inspect
import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from inspect import Parameter
from typing import Any

from invoke.exceptions import Exit
from invoke.main import program
from invoke.tasks import task

from chalicelib.errors import ApiError, ServiceUnavailableError
from chalicelib.settings import SettingsError, address
from tasks.errors import TaskError
from tasks.stages import STAGE_HELP

FAILED = 2  # exit status
START = "Start `make run` in another terminal."
YES_HELP = "skip the confirmation, even for prod"
HELP = ("--help", "-h")
CONTEXT = Parameter("context", Parameter.POSITIONAL_ONLY)  # Invoke's own, which bodies do without
KINDS = (TaskError, SettingsError, ApiError, OSError, UnicodeError, json.JSONDecodeError)
LIBRARIES = ("botocore", "pynamodb")  # whose errors are known by their modules: importing them takes long


def command(
    name: str | None = None, /, *, iterable: Sequence[str] = (), default: bool = False, **help_texts: str
) -> Callable[[Callable[..., None]], Any]:
    """Declare a task with long options only, whose expected errors end it with a message and status 2.

    :param iterable: options that may be repeated.
    :param default: the task that is run by the name of its collection.
    :param help_texts: a line for each argument.
    """

    def declare(body: Callable[..., None]) -> Any:
        @wraps(body)
        def run(_context: Any, *arguments: Any, **options: Any) -> None:
            if _asks_for_help(body, options):
                program.print_task_help(str(program.tasks[-1].name))
                return
            with reported():
                body(*arguments, **options)

        own = inspect.signature(body)
        run.__signature__ = own.replace(parameters=[CONTEXT, *own.parameters.values()])  # type: ignore[attr-defined]
        declared = task(name=name, iterable=iterable, default=default, help=help_texts, auto_shortflags=False)
        return declared(run)

    return declare


def stage_command(
    name: str | None = None, /, *, writes: bool = False, iterable: Sequence[str] = (), **help_texts: str
) -> Callable[[Callable[..., None]], Any]:
    """Declare a task on the table of a stage, which --stage names; one that writes has --yes, too.

    Its body takes the context of the API's own actions first.
    """

    def declare(body: Callable[..., None]) -> Any:
        title = f"{body.__module__.rpartition('.')[2]}.{name or body.__name__.replace('_', '-')}"
        also = {"stage": "", "yes": False} if writes else {"stage": ""}

        @wraps(body)
        def run(*arguments: Any, stage: str = "", yes: bool = False, **options: Any) -> None:
            from tasks.tables import open_table, task_context  # noqa: PLC0415 - they import botocore

            ask = no_terminal if options.get("password_stdin") else None
            settings = open_table(stage, writes=writes, yes=yes, ask=ask)
            body(task_context(title, settings), *arguments, **options)

        _, *own = inspect.signature(body).parameters.values()
        added = [Parameter(each, Parameter.KEYWORD_ONLY, default=value) for each, value in also.items()]
        run.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        texts = help_texts | {"stage": STAGE_HELP} | ({"yes": YES_HELP} if writes else {})
        return command(name, iterable=iterable, default=False, **texts)(run)

    return declare


def _asks_for_help(body: Callable[..., None], options: dict[str, Any]) -> bool:
    """Whether --help stands in the place of an argument: Invoke takes it for the value."""
    required = [
        each.name for each in inspect.signature(body).parameters.values() if each.default is each.empty
    ]
    return any(options.get(name) in HELP for name in required)


@contextmanager
def reported() -> Iterator[None]:
    """Turn errors that a user can fix into a message and exit status 2."""
    try:
        yield
    except Exception as error:
        message = explain(error)
        if not message:
            raise
        raise Exit(message, FAILED) from error


def explain(error: BaseException) -> str:
    """Return the message of an error for the user; nothing if it is a fault of the code."""
    if not (isinstance(error, KINDS) or type(error).__module__.partition(".")[0] in LIBRARIES):
        return ""
    if endpoint := missing_engine(error):
        return f"No engine at {endpoint}: start `make run` in another terminal."
    # The API says only to try again; somebody who runs a task needs the cause.
    known = isinstance(error, ServiceUnavailableError) and error.__cause__
    text = " ".join(str(known).split()) if known else str(error)
    # PynamoDB's errors keep what DynamoDB said
    cause = str(getattr(known or error, "cause", None) or "")
    return text if cause in text else f"{text}: {' '.join(cause.split())}"


def missing_engine(error: BaseException | None) -> str:
    """Return the address of the local engine that did not answer, if that is what an error is about."""
    while error and type(error).__name__ != "EndpointConnectionError":  # of botocore
        error = error.__cause__ or error.__context__
    url = str(getattr(error, "kwargs", {}).get("endpoint_url", ""))
    return address(url) if url.startswith("http://") else ""


def confirm(action: str, typed: str = "", *, ask: Callable[[str], str] | None = None) -> None:
    """Ask the user before something is changed.

    :param action: what is going to be done, such as "write to grail-prod".
    :param typed: what has to be typed, where a "y" is not enough.
    :param ask: puts the question and returns the answer; by default `input`.
    :raises TaskError: the answer is no, or there is no terminal.
    """
    question = f"Type {typed} to {action}: " if typed else f"{action[0].upper()}{action[1:]}? [y/N] "
    try:
        answer = (ask or input)(question).strip()
    except EOFError:
        raise TaskError(f"Cannot ask for confirmation (no terminal). Pass --yes to {action}.") from None
    if answer != typed if typed else answer.lower() not in ("y", "yes"):
        raise TaskError("Nothing was changed.")


def no_terminal(_question: str) -> str:
    """Refuse to ask, where standard input is not for answers."""
    raise EOFError


def words(text: str) -> list[str]:
    """Split what is passed on to another program, as a shell does.

    :raises TaskError: a quotation is not closed.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise TaskError(f"{text}: {error}") from error


def number(option: str, text: str, least: int = 1) -> int:
    """Return the whole number that an option has.

    :raises TaskError: it is not a number, or too low.
    """
    if not text.isdecimal() or int(text) < least:
        raise TaskError(f"{option} must be a whole number of at least {least}, not {text!r}.")
    return int(text)
