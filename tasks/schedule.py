"""Runs locally what is scheduled when deployed (`app.schedule` in app.py): the clean-up of deleted teams."""

import sys
import threading
from collections.abc import Callable

from chalicelib.teams.actions import clean_up

INTERVAL_SECONDS = 2.0


def clean_up_regularly() -> None:
    """Clean up in the background for as long as this process lives."""
    never = threading.Event()
    arguments = (clean_up, lambda: never.wait(INTERVAL_SECONDS))
    threading.Thread(target=repeat, args=arguments, daemon=True, name="schedule").start()


def repeat(job: Callable[[], object], ended: Callable[[], bool]) -> None:
    """Repeat a job until `ended` returns true; of consecutive errors, only the first is reported."""
    failing = False
    while True:
        try:
            job()
        except Exception as error:  # noqa: BLE001 - the next time it may go well
            if not failing:
                print(f"The clean-up of deleted teams failed, and is tried again: {error!r}", file=sys.stderr)
            failing = True
        else:
            failing = False
        if ended():
            return
