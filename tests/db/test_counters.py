"""Counters: exact, only in the transaction that makes or removes what is counted, and read as one item."""

from contextlib import suppress

import pytest

from chalicelib.db import counters, keys
from chalicelib.db.counters import MAX_SHARDS, Counter
from chalicelib.db.table import get_many
from chalicelib.db.transaction import StaleError, Transaction
from chalicelib.teams.models import Team
from tasks.data.shards import mark
from tests.support import a_context
from tests.tasks.check_tools import says

pytestmark = pytest.mark.usefixtures("table")

FIRST, *OTHERS = counters.every_shard("things")


def count(name: str) -> tuple[int, int]:
    """Read a counter as lists do; return the total, and how many items were read."""
    context = a_context()
    context.read(counters.shards(name))
    context.read(counters.in_use(name, context.items))
    return counters.total(name, context.items), len(context._read)


def add(name: str, *amounts: int) -> None:
    """Count, each time in a transaction of its own."""
    for amount in amounts:
        transaction = Transaction()
        counters.add(transaction, name, amount)
        transaction.commit()


def open_shards(name: str, number: int) -> None:
    """Take as many shards into use as others would."""
    transaction = Transaction()
    transaction.add(Counter.at(keys.counter(name)), [Counter.in_use.add(set(range(number)))])
    transaction.commit()


def test_what_was_never_counted_is_zero() -> None:
    """An empty list has X-Total-Count 0."""
    assert count("things")[0] == 0


@pytest.mark.parametrize("width", [1, 2, MAX_SHARDS])
@pytest.mark.parametrize("amounts", [[1], [1] * 20, [1, 1, -1], [5, -2, -3], [-1, 1], [1, -1] * 8])
def test_a_counter_is_exact(amounts: list[int], width: int) -> None:
    """Whatever shards the single steps went to, some of which may be negative."""
    mark()
    open_shards("things", width)
    _ = count("things")
    add("things", *amounts)
    assert count("things") == (sum(amounts), width)


def test_one_item_is_read_of_a_counter() -> None:
    """Once a process knows that the table is migrated, whether or not anything was counted before."""
    mark()
    assert [count("things"), count("things"), count("others")] == [(0, 9), (0, 1), (0, 1)]
    add("things", 1, 1)
    assert count("things") == (2, 1)


def test_all_shards_of_before_count_until_they_are_migrated() -> None:
    """Version 0.1 writes to any of eight while it is replaced; this one writes to the first."""
    for number, key in enumerate((FIRST, *OTHERS)):
        says(key, number)
    add("things", 100)
    assert [count("things"), count("things")] == [(128, 9)] * 2


def test_shards_that_were_opened_since_are_read_too() -> None:
    """A process that remembers fewer reads the others with one request more, and remembers them."""
    mark()
    assert [count("things"), count("things")] == [(0, 9), (0, 1)]
    open_shards("things", 2)
    says(OTHERS[0], 3)
    add("things", 1)
    context = a_context()
    context.read(counters.shards("things"))
    assert counters.in_use("things", context.items) == [FIRST, OTHERS[0]]
    assert counters.shards("things") == [FIRST, OTHERS[0]]
    assert count("things") == (4, 2)


def test_what_does_not_count_is_not_added() -> None:
    """The first shard says which do: one that is left over is none of them."""
    mark()
    says(OTHERS[2], 5)
    open_shards("things", 2)
    assert count("things")[0] == 0


def test_writers_are_spread_over_the_shards_in_use() -> None:
    """Over all that a process knows of, and no others."""
    mark()
    open_shards("things", 4)
    _ = count("things")
    add("things", *[1] * 60)
    assert set(get_many(counters.every_shard("things"))) == {FIRST, *OTHERS[:3]}


def test_counters_do_not_mix() -> None:
    """Each listing has its own."""
    add("things", 1, 1)
    add("others", 5)
    assert (count("things")[0], count("others")[0]) == (2, 5)


def test_a_refused_transaction_counts_nothing() -> None:
    """Counters are kept in the same transaction as the write."""
    for _ in range(2):
        transaction = Transaction()
        transaction.put(Team.at(keys.team("1"), id="1", title="Engines"))
        counters.add(transaction, "things", 1)
        with suppress(StaleError):
            transaction.commit()
    assert count("things")[0] == 1
