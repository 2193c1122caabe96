"""Opens the table of a stage for a task; production is asked for before anything is written."""

from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from chalicelib.db.table import connect
from chalicelib.errors import ServiceUnavailableError
from chalicelib.settings import Settings, SettingsError
from tasks.stages import PROTECTED, StageError, settings_of

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
    settings = settings_of(stage)
    if writes and not yes and settings.stage in PROTECTED:
        typed = ask(f"This writes to {settings.table_name}. Type the stage's name to go on: ")
        if typed.strip() != settings.stage:
            raise StageError("Nothing was changed.")
    connect(settings)
    return settings
