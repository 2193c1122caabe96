"""Opens the table of a stage for a task; production is asked for before anything is written."""

import os
from collections.abc import Callable
from dataclasses import replace

from botocore.session import Session

from chalicelib.context import Context
from chalicelib.db.table import MAX_RETRIES, connect
from chalicelib.listeners import LISTENERS
from chalicelib.settings import Settings
from tasks.console import confirm
from tasks.stages import PROTECTED, REGIONS, settings_of

PATIENT_RETRIES = 7  # a task has time that a request has not
NOWHERE = "none"  # in the place of the address that a request comes from


def open_table(
    stage: str, *, writes: bool = False, yes: bool = False, ask: Callable[[str], str] | None = None
) -> Settings:
    """Connect to a stage's table with the caller's own credentials, and return its settings.

    :raises TaskError: there is no such stage, or the user says no.
    """
    settings = in_region(settings_of(stage))
    if writes and not yes and settings.stage in PROTECTED:
        confirm(f"write to {settings.table_name}", settings.stage, ask=ask)
    connect(settings, retries=MAX_RETRIES if settings.is_local else PATIENT_RETRIES)
    return settings


def in_region(settings: Settings) -> Settings:
    """Return settings with the region of the caller's profile, unless the environment has one."""
    if settings.is_local or any(name in os.environ for name in REGIONS):
        return settings
    return replace(settings, region=Session().get_config_variable("region") or settings.region)


def task_context(task: str, settings: Settings) -> Context:
    """Return the context of a task: it acts for no account, and comes from no address.

    :param task: such as users.create; the audit trail names it in the place of a request.
    """
    return Context(settings=settings, listeners=LISTENERS, source=NOWHERE, request_id=f"invoke {task}")
