"""`invoke db.migrate` leaves one shard of each counter, whatever happens in between."""

from collections import Counter as Tally
from contextlib import suppress

import pytest

from chalicelib.db import counters, keys
from chalicelib.db.table import get_many
from chalicelib.users.models import User
from tasks.data import shards
from tasks.data.check import check
from tests.acting import create_team
from tests.db.test_counters import open_shards
from tests.faults import Killed, killed_before_write, wire
from tests.support import dump_table
from tests.tasks.check_tools import says

pytestmark = pytest.mark.usefixtures("table")

BEFORE = {keys.USERS: {2: 3, 5: -1}, keys.clients_of(keys.NOBODY): {7: 2}, keys.ADMINS: {0: 1}}
TOTALS = {keys.USERS: 2, keys.clients_of(keys.NOBODY): 2, keys.ADMINS: 1}


def fill() -> None:
    """Count as version 0.1 did."""
    for name, amounts in BEFORE.items():
        for number, amount in amounts.items():
            says(keys.counter(name, number), amount)


def run(*, dry_run: bool = False) -> tuple[list[str], list[float]]:
    """Migrate without waiting; return the output and the waits."""
    said, slept = list[str](), list[float]()
    shards.gather(rate=10, dry_run=dry_run, say=said.append, sleep=slept.append)
    return said, slept


def totals() -> dict[str, int]:
    """What a process reads that has read nothing before."""
    counters._widths.clear()
    return {name: counters.total(name, get_many(counters.shards(name))) for name in BEFORE}


def places() -> Tally[str]:
    """How many shards each counter has."""
    return Tally(keys.counted(keys.Key(item["pk"]["S"], item["sk"]["S"])) for item in dump_table())


def test_one_shard_is_left_of_each_counter() -> None:
    """With all that the others counted; a second run has nothing to do, and does not wait."""
    fill()
    assert totals() == TOTALS
    assert run() == (["counter, eight shards to one: 2 items migrated."], [0.1, 0.1, shards.PAUSE])
    assert (totals(), set(places().values())) == (TOTALS, {1})
    found = dump_table()
    assert run() == (["counter, eight shards to one: 0 items migrated."], [])
    assert (dump_table(), totals()) == (found, TOTALS)


def test_a_dry_run_writes_nothing() -> None:
    """It says how many there are."""
    fill()
    found = dump_table()
    assert run(dry_run=True) == (["counter, eight shards to one: 2 items to migrate."], [])
    assert dump_table() == found


@pytest.mark.parametrize("number", range(5))
def test_a_run_that_was_stopped_is_repeated(number: int) -> None:
    """Totals are exact after each of its writes, and at the end."""
    fill()
    with wire(killed_before_write(number)), suppress(Killed):
        run()
    assert totals() == TOTALS
    run()
    assert (totals(), set(places().values())) == (TOTALS, {1})


def test_a_counter_that_was_moved_is_not_moved_twice() -> None:
    """A run that was stopped before it removed the others leaves them uncounted."""
    fill()
    shards._move(keys.USERS)
    shards._move(keys.USERS)
    assert totals() == TOTALS
    first = get_many([keys.counter(keys.USERS)])[keys.counter(keys.USERS)]
    assert first.attribute_values["amount"] == TOTALS[keys.USERS]


def test_of_two_runs_at_once_none_removes_what_counts() -> None:
    """While one waits, the other ends, and a counter opens more shards."""
    fill()

    def meanwhile(seconds: float) -> None:
        if seconds == shards.PAUSE:
            run()
            open_shards(keys.USERS, 2)
            says(keys.counter(keys.USERS, 1), 5)

    shards.gather(rate=10, say=lambda _: None, sleep=meanwhile)
    assert totals() == {**TOTALS, keys.USERS: TOTALS[keys.USERS] + 5}


def test_a_new_table_needs_no_migration() -> None:
    """It is marked before its first user, once, and without reading whole tables."""
    with wire() as sent:
        shards.mark_if_new()
        shards.mark_if_new()
    assert [each.operation for each in sent] == ["BatchGetItem", "TransactWriteItems", "BatchGetItem"]
    assert shards.is_migrated()


def test_a_table_with_users_is_migrated_by_the_task_only() -> None:
    """Whoever fills it does not know who else writes to it."""
    fill()
    shards.mark_if_new()
    assert not shards.is_migrated()


@pytest.mark.parametrize("counted", [0, 1])
def test_what_version_0_1_writes_after_the_migration_is_found(user: User, counted: int) -> None:
    """It was rolled back, and has made a team: --fix removes its shard, and counts the team in the first."""
    shards.mark()
    create_team("Engines", user.id, user.username)
    says(keys.counter(keys.TEAMS), counted)
    says(keys.counter(keys.TEAMS, 3), 1)
    said: list[str] = []
    assert not check(say=said.append)
    assert "COUNTER#TEAMS SHARD#3: does not count: version 0.1 has written it. --fix removes it." in said
    assert ("COUNTER#TEAMS SHARD#0: says 0, but there are 1. --fix corrects it." in said) is (counted == 0)
    assert check(fix=True, say=said.append), said
    assert counters.total(keys.TEAMS, get_many(counters.shards(keys.TEAMS))) == 1
