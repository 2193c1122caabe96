"""References whose targets are deleted at the same moment, on AWS's DynamoDB Local."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.db import transaction
from chalicelib.db.clean_up import clean_up
from chalicelib.db.table import get_many
from chalicelib.db.transaction import StaleError
from chalicelib.errors import ConflictError, InvalidValueError
from chalicelib.teams.models import Team
from tests import notes as fixtures
from tests.faults import Killed, killed_before_write, wire
from tests.integration.conftest import MANY
from tests.integration.crowd import at_once
from tests.items import change, delete
from tests.notes import write, written_team
from tests.support import dump_table

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]
keeping, going = fixtures.keeping, fixtures.going

ROUNDS = 15
NOW = timedelta(0)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that are long enough elsewhere are too short on a busy machine."""
    monkeypatch.setattr(transaction, "ATTEMPTS", MANY)


def succeeds(act: Callable[[], object]) -> bool:
    """Do something that others may be faster than."""
    try:
        act()
    except (StaleError, ConflictError, InvalidValueError):
        return False
    return True


def delete_as_it_is(team: Team) -> None:
    """Delete a team as a request does: again from its reads, where others were faster."""
    for _ in range(MANY):
        with suppress(StaleError):
            delete(get_many([team.key])[team.key])
            return


def there() -> set[str]:
    """The kinds of all items, but index entries, and what a generated resource notes of teams."""
    found = [item for item in dump_table() if item.get("referrer", {"S": "note"})["S"] == "note"]
    return {item["kind"]["S"] for item in found} - {"index_entry"}


def test_a_new_reference_or_the_deletion_wins(keeping: type[Any]) -> None:
    """Never both: what is referred to is there, and what is gone is not referred to."""
    for _ in range(ROUNDS):
        team = written_team()
        wrote, deleted = at_once(
            [
                partial(succeeds, partial(write, keeping, team_id=team.id)),
                partial(succeeds, partial(delete_as_it_is, team)),
            ]
        )
        assert wrote is not deleted
        assert bool(get_many([team.key])) is wrote


def test_the_count_is_exact_whoever_refers_at_once(keeping: type[Any]) -> None:
    """Many come, are moved and go; the last one frees what they referred to."""
    first, second = written_team(), written_team()
    made = at_once([partial(write, keeping, team_id=first.id)] * 8)
    at_once([partial(change, note, team_id=second.id) for note in made[:4]] + [partial(delete, made[4])])
    teams = get_many([first.key, second.key])
    assert [int(teams[team.key].referrers) for team in (first, second)] == [3, 4]
    at_once([partial(delete, get_many([note.key])[note.key]) for note in (*made[:4], *made[5:])])
    delete_as_it_is(first)
    delete_as_it_is(second)
    assert there() == set()


def test_a_cascade_takes_whatever_came_before_it(going: type[Any]) -> None:
    """Those that are written at the moment of the deletion are refused, or go with the others."""
    for _ in range(ROUNDS):
        team = written_team()
        at_once(
            [
                *[partial(succeeds, partial(write, going, team_id=team.id))] * 3,
                partial(succeeds, partial(delete, team)),
            ]
        )
        assert get_many([team.key]) == {}
    clean_up(NOW)
    assert clean_up(NOW) == 0
    assert there() == {"counter"}


@pytest.mark.parametrize("number", range(6))
def test_a_cascade_killed_at_any_write_converges(going: type[Any], number: int) -> None:
    """A rerun ends it, however many were deleted before."""
    team, kept = written_team(), written_team()
    for _ in range(4):
        write(going, team_id=team.id)
    write(going, team_id=kept.id)
    with wire(killed_before_write(number)), suppress(Killed):
        delete(team)
        clean_up(NOW)
    if number == 0:
        delete(team)
    clean_up(NOW)
    assert clean_up(NOW) == 0
    notes_left = [item for item in dump_table() if item["kind"]["S"] == "note"]
    assert [item["team_id"]["S"] for item in notes_left] == [kept.id]
    assert "cascade" not in there()


def test_a_cascade_deletes_any_number(going: type[Any]) -> None:
    """Batch by batch, also behind a page of the index."""
    team = written_team()
    at_once([partial(write, going, team_id=team.id)] * 60)
    delete(team)
    assert clean_up(NOW) == 60
    assert clean_up(NOW) == 0
    assert there() == {"counter"}
