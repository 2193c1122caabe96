"""Counters of version 0.1 had eight shards, which all counted: `invoke db.migrate` leaves one of each.

Whoever reads a counter in the meantime finds its exact total: it is moved by one transaction, after which
the first shard says that the others do not count, and these are removed when no request remembers them.
"""

import time
from collections.abc import Callable
from functools import partial

from chalicelib.context import retry_if_stale
from chalicelib.db import counters, keys
from chalicelib.db.counters import Counter
from chalicelib.db.table import Item, get_many
from chalicelib.db.transaction import Transaction
from tasks.data import table
from tasks.data.findings import unchanged
from tasks.data.items import key_of

PAUSE = 30.0  # seconds: no request lasts longer (API Gateway's limit is 29 s)
FLAG = keys.counter(counters.MIGRATED)


def gather(
    *,
    rate: int,
    dry_run: bool = False,
    say: Callable[[str], object] = print,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Leave one shard of each counter, and mark the table as migrated. Idempotent.

    :param rate: counters per second, at most.
    :param dry_run: write nothing, and print how many there are.
    """
    is_done = is_migrated()
    names = [] if is_done else sorted(_with_others())
    if not (is_done or dry_run):
        for name in names:
            sleep(1 / rate)
            retry_if_stale(partial(_move, name))
        sleep(PAUSE if names else 0)
        for name in names:
            retry_if_stale(partial(_remove_others, name))
        mark()
    say(f"counter, eight shards to one: {len(names)} items {'to migrate' if dry_run else 'migrated'}.")


def is_migrated() -> bool:
    """Whether every counter has one shard, or as many as it says."""
    return FLAG in get_many([FLAG])


def mark() -> None:
    """Mark the table as migrated; version 0.1 must not write to it from now on."""
    transaction = Transaction()
    transaction.add(Counter.at(FLAG), [Counter.in_use.add({0}), Counter.version.add(1)])
    transaction.commit()


def mark_if_new() -> None:
    """Mark a table that no user was ever counted in: nothing else is there without one."""
    # not by a Scan, which the roles that deploy are not allowed
    if not get_many([FLAG, *counters.every_shard(keys.USERS)]):
        mark()


def _with_others() -> set[str]:
    """Return the names of the counters that have more than the first shard."""
    found = map(key_of, table.items_of(["counter"]))
    return {keys.counted(key) for key in found if key != keys.counter(keys.counted(key))}


def _move(name: str) -> None:
    """Count in the first shard what the others have counted, while nobody writes to them."""
    first, *others = counters.every_shard(name)
    found = get_many([first, *others])
    transaction = Transaction()
    for key in others:
        transaction.check(Item, key, unchanged(found.get(key)))
    shards = [shard for shard in found.values() if isinstance(shard, Counter)]
    amount = sum(int(shard.amount) for shard in shards if shard.key != first)
    actions = [Counter.amount.add(amount), Counter.version.add(1), Counter.in_use.add({0})]
    transaction.add(Counter.at(first), actions, Counter.in_use.does_not_exist())
    if not any(shard.in_use for shard in shards):  # or an earlier run was stopped behind this
        transaction.commit()


def _remove_others(name: str) -> None:
    """Remove the shards that do not count, unless some were opened: another run has marked the table then."""
    first, *others = counters.every_shard(name)
    found = get_many([first, *others])
    transaction = Transaction()
    transaction.check(Counter, first, Counter.in_use == {0})
    for key in others:
        if key in found:
            transaction.delete(found[key])
    if len(counters.in_use(name, found)) == 1:
        transaction.commit()
