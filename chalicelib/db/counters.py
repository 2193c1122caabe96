"""Exact counters, sharded so that many writers at once seldom meet."""

import secrets
from collections.abc import Iterable

from pynamodb.attributes import NumberAttribute

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction

SHARDS = 8


class Counter(Item, discriminator="counter"):
    """One shard: what was counted through it, which may be negative for a single shard."""

    personal = NOT_PERSONAL  # those of a person go with what they count
    amount = NumberAttribute(default=0)


def shards(name: str) -> list[Key]:
    """List the keys of all shards of a counter."""
    return [keys.counter(name, shard) for shard in range(SHARDS)]


def total(items: Iterable[Item | None]) -> int:
    """Add up the shards that were read."""
    return sum(int(item.amount) for item in items if isinstance(item, Counter))


def add(transaction: Transaction, name: str, amount: int) -> None:
    """Count in the transaction that makes or removes what is counted."""
    shard = Counter.at(keys.counter(name, secrets.randbelow(SHARDS)))
    transaction.add(shard, [Counter.amount.add(amount), Counter.version.add(1)])
