"""Deletes, in the background, what refers to items that are gone."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

from chalicelib.db import counters, keys
from chalicelib.db.cascades import Cascade, cascading
from chalicelib.db.entries import IndexEntry
from chalicelib.db.references import Reference
from chalicelib.db.table import BATCH_WRITE_LIMIT, Item, delete_many, get_many, now, query
from chalicelib.db.transaction import StaleError, Transaction
from chalicelib.errors import ConflictError

SETTLED = timedelta(minutes=2)  # longer than the index lags behind


def clean_up(settled: timedelta = SETTLED) -> int:
    """Delete what refers to deleted items, in batches; if it is stopped, the next run continues.

    :param settled: for which time a deletion is repeated, until a run finds nothing.
    :returns: how many items were deleted.
    """
    kinds = {(name, reference.attribute): (kind, reference) for name, kind, reference in cascading()}
    done = 0
    for note in query(Cascade, keys.CLEANUPS, prefix=keys.CLEANUP_REFERRERS):
        known = kinds.get((note.referrer, note.attribute))
        done += _finish(note, *known, settled) if known else 0
    return done


def _finish(note: Cascade, kind: type[Item], reference: Reference, settled: timedelta) -> int:
    if get_many([reference.key(note.target_id)]):
        delete_many([note.key])  # an import has brought the item back
        return 0
    done, after, partition = 0, "", reference.partition(note.target_id)
    while entries := query(IndexEntry, partition, after=after, limit=BATCH_WRITE_LIMIT):
        found = get_many(entry.finds for entry in entries).values()
        refers = [item for item in found if getattr(item, reference.attribute, None) == note.target_id]
        done += delete_each(item for item in refers if isinstance(item, kind))
        after = str(entries[-1].gsi1sk)
    if not done and now() - note.created >= settled:
        # Last, so that a run that stops before this is repeated.
        delete_many([note.key])
    return done


def delete_each(items: Iterable[Item]) -> int:
    """Delete items, and count them no more, each in a transaction; others do not wait for one that fails.

    What changes, or is kept by what refers to it, is left to another try.

    :returns: how many there were.
    """
    number = 0
    for item in items:
        work = Transaction()
        with suppress(StaleError, ConflictError):
            work.delete(item)
            for counter in item.counted():
                counters.add(work, counter, -1)
            work.commit()
        number += 1
    return number


def clear_each(items: Iterable[Item], attribute: str) -> int:
    """Set an attribute of items to null, each in a transaction; one that changes is left to another try.

    :returns: how many there were.
    """
    number = 0
    for item in items:
        work = Transaction()
        work.change(item, {attribute: None})
        with suppress(StaleError):
            work.commit()
        number += 1
    return number
