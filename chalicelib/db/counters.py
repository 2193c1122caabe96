"""Exact counters: one item each, and more shards where so many write at once that they meet.

The first shard has the numbers of all that are `in_use`, which only ever become more. Whoever writes to
another shard has read them before, so whoever reads the first shard afterwards finds it there.
"""

import secrets
from collections.abc import Mapping
from functools import partial

from pynamodb.attributes import NumberAttribute, NumberSetAttribute
from pynamodb.expressions.update import Action

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.table import Item, get_many
from chalicelib.db.transaction import Transaction

MAX_SHARDS = 8  # and, before version 0.2, the number of each counter's
# A counter of nothing. Where it is in use, version 0.1 no longer writes to the table, and whatever that one
# counted is in first shards (`invoke db.migrate`).
MIGRATED = keys.COUNTERS

_widths: dict[str, int] = {}  # how many shards are in use, by what this process has read


class Counter(Item, discriminator="counter"):
    """One shard: what was counted through it, which may be negative for a single shard."""

    personal = NOT_PERSONAL  # those of a person go with what they count
    amount = NumberAttribute(default=0)
    in_use = NumberSetAttribute(null=True)


def every_shard(name: str, width: int = MAX_SHARDS) -> list[Key]:
    """List the keys of all shards that a counter can have, or of as many."""
    return [keys.counter(name, number) for number in range(width)]


def shards(name: str) -> list[Key]:
    """List the keys to read for a counter, by what this process knows; `total` needs no others as a rule."""
    if MIGRATED not in _widths:
        return [keys.counter(MIGRATED), *every_shard(name)]
    return every_shard(name, _widths.get(name, 1))


def in_use(name: str, items: Mapping[Key, Item]) -> list[Key]:
    """List the keys of the shards that count, by what was read, and remember them for `shards`."""
    stated = {each: _stated_width(each, items) for each in (MIGRATED, name)}
    for each, width in stated.items():
        # those of accounts have one shard as a rule, and are not worth remembering
        if width > _widths.get(each, 0) and (width > 1 or each == MIGRATED):
            _widths[each] = width
    unstated = 1 if MIGRATED in _widths else MAX_SHARDS
    return every_shard(name, stated[name] or unstated)


def _stated_width(name: str, items: Mapping[Key, Item]) -> int:
    first = items.get(keys.counter(name))
    return len(first.in_use or ()) if isinstance(first, Counter) else 0


def total(name: str, items: Mapping[Key, Item]) -> int:
    """Add up the shards of a counter that are `in_use`, all of which were read."""
    found = (items.get(key) for key in in_use(name, items))
    return sum(int(item.amount) for item in found if isinstance(item, Counter))


def add(transaction: Transaction, name: str, amount: int) -> None:
    """Count in the transaction that makes or removes what is counted."""
    width = _widths.get(name, 1)
    transaction.add(*_draw(name, amount, width), elsewhere=partial(_spread, name, amount, width))


def _draw(name: str, amount: int, width: int) -> tuple[Counter, list[Action]]:
    shard = Counter.at(keys.counter(name, secrets.randbelow(width)))
    return shard, [Counter.amount.add(amount), Counter.version.add(1)]


def _spread(name: str, amount: int, width: int) -> tuple[Counter, list[Action]]:
    """Count in shards that others have opened since; if there are none, open as many more by the first one.

    :param width: how many were in use when the writers met.
    """
    in_use(name, get_many([keys.counter(MIGRATED), keys.counter(name)]))
    known = _widths.get(name, 1)
    if known > width or width >= MAX_SHARDS or MIGRATED not in _widths:
        return _draw(name, amount, known)
    first, actions = _draw(name, amount, 1)
    # Adding to a set is idempotent: of two who open shards at once, neither takes back the other's.
    return first, [*actions, Counter.in_use.add(set(range(min(2 * width, MAX_SHARDS))))]
