"""Opens the table of a stage for a task; production is asked for before anything is written."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from pynamodb.exceptions import PynamoDBException

from chalicelib.db.table import connect
from chalicelib.errors import ApiError, ServiceUnavailableError
from chalicelib.settings import Settings, SettingsError
from tasks.calls import TaskCall, TaskError, task_call
from tasks.console import refusing
from tasks.stages import PROTECTED, REGIONS, StageError, settings_of

# What a task may meet at a table, and tells in one line.
FAULTS = (StageError, SettingsError, ServiceUnavailableError, BotoCoreError, ClientError, PynamoDBException)


def open_table(
    stage: str, *, writes: bool = False, yes: bool = False, ask: Callable[[str], str] = input
) -> Settings:
    """Connect to a stage's table with the caller's own credentials, and give the stage's settings.

    :param writes: the task is going to change something.
    :param yes: do not ask.
    :raises StageError: there is no such stage, or the user says no.
    """
    settings = in_region(settings_of(stage))
    if writes and not yes and settings.stage in PROTECTED and not _agrees(settings, ask):
        raise StageError("Nothing was changed.")
    connect(settings)
    return settings


def in_region(settings: Settings) -> Settings:
    """Take a deployed stage's region from the caller's profile, where the environment names none."""
    if settings.is_local or any(name in os.environ for name in REGIONS):
        return settings
    return replace(settings, region=Session().get_config_variable("region") or settings.region)


def _agrees(settings: Settings, ask: Callable[[str], str]) -> bool:
    try:
        typed = ask(f"This writes to {settings.table_name}. Type the stage's name to go on: ")
    except EOFError:
        raise StageError(f"Nobody is there to be asked: --yes writes to {settings.table_name}.") from None
    return typed.strip() == settings.stage


def refusing_faults() -> AbstractContextManager[None]:
    """Tell in one line what a task may meet at a stage, and what it refuses; then end with status 2."""
    return refusing(*FAULTS, ApiError, TaskError, UnicodeError)


@contextmanager
def on_table(
    task: str, stage: str, *, writes: bool = False, yes: bool = False, answers: bool = True
) -> Iterator[TaskCall]:
    """Do something with a stage's table by the API's own code; whatever is refused ends the task.

    :param task: its name, for the audit trail.
    :param answers: standard input is free for answers.
    """
    with refusing_faults():
        yield task_call(task, open_table(stage, writes=writes, yes=yes, ask=_ask if answers else _nobody))


def _ask(question: str) -> str:
    return input(question)


def _nobody(_question: str) -> str:
    raise EOFError
