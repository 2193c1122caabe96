"""Sharded counters: exact, and only in the transaction that makes or removes what is counted."""

import secrets
from contextlib import suppress

import pytest

from chalicelib.db import counters, keys
from chalicelib.db.counters import SHARDS
from chalicelib.db.table import get_many
from chalicelib.db.transaction import StaleError, Transaction
from chalicelib.teams.models import Team

pytestmark = pytest.mark.usefixtures("table")


def count(name: str) -> int:
    """Read a counter."""
    return counters.total(get_many(counters.shards(name)).values())


def add(name: str, *amounts: int) -> None:
    """Count, each time in a transaction of its own."""
    for amount in amounts:
        transaction = Transaction()
        counters.add(transaction, name, amount)
        transaction.commit()


def test_what_was_never_counted_is_zero() -> None:
    """An empty list has X-Total-Count 0."""
    assert count("things") == 0


@pytest.mark.parametrize("amounts", [[1], [1] * 20, [1, 1, -1], [5, -2, -3], [-1, 1], [1, -1] * 8])
def test_a_counter_is_exact(amounts: list[int]) -> None:
    """Whatever shards the single steps went to, some of which may be negative."""
    add("things", *amounts)
    assert count("things") == sum(amounts)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_shard_counts(monkeypatch: pytest.MonkeyPatch, shard: int) -> None:
    """Every shard that is written is also read."""
    monkeypatch.setattr(secrets, "randbelow", lambda _: shard)
    add("things", 3)
    assert (count("things"), list(get_many(counters.shards("things")))) == (
        3,
        [counters.shards("things")[shard]],
    )


def test_writers_are_spread_over_the_shards() -> None:
    """Many writers at once seldom meet."""
    add("things", *[1] * 40)
    assert len(get_many(counters.shards("things"))) > 1


def test_counters_do_not_mix() -> None:
    """Each listing has its own."""
    add("things", 1, 1)
    add("others", 5)
    assert (count("things"), count("others")) == (2, 5)


def test_a_refused_transaction_counts_nothing() -> None:
    """Counters are kept in the same transaction as the write."""
    for _ in range(2):
        transaction = Transaction()
        transaction.put(Team.at(keys.team("1"), id="1", title="Engines"))
        counters.add(transaction, "things", 1)
        with suppress(StaleError):
            transaction.commit()
    assert count("things") == 1
