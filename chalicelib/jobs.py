"""What runs on a schedule: it finishes what requests began."""

from chalicelib.db import clean_up as cascades
from chalicelib.privacy import actions as privacy
from chalicelib.teams import actions as teams
from chalicelib.web.log_lines import job

CLEAN_UPS = (
    teams.clean_up,  # memberships of deleted teams
    cascades.clean_up,  # what refers to deleted items
    privacy.clean_up,  # what erased accounts left
)


def clean_up() -> int:
    """Run each of them, also after one has failed.

    :returns: how many items are gone.
    """
    done, failures = 0, list[Exception]()
    for each in CLEAN_UPS:
        try:
            done += each()
        except Exception as error:  # noqa: BLE001 - raised below
            failures.append(error)
    if failures:
        raise failures[0]
    return done


def run_clean_up(event: object) -> int:
    """Run on a schedule: remove what deletions left."""
    with job("clean_up", event) as run:
        removed = clean_up()
        run.note(removed=removed)
    return removed
