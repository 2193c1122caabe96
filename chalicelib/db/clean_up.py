"""Deletes, in the background, what refers to items that are gone."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from chalicelib.db import counters, keys
from chalicelib.db.companions import Cascade, IndexEntry, cascading
from chalicelib.db.relations import Reference
from chalicelib.db.table import BATCH_WRITE_LIMIT, Item, delete_many, get_many, now, query
from chalicelib.db.transaction import StaleError, Transaction
from chalicelib.errors import ConflictError

# Longer than any request runs that began before a deletion, and than the index lags behind.
SETTLED = timedelta(minutes=2)
Note = TypeVar("Note", bound=Item)


def work_off(notes: Iterable[Note], work: Callable[[Note], int], settled: timedelta) -> int:
    """Do what notes say, and remove each of them when nothing is left to do.

    :param work: does it in batches, which may stop anywhere, and returns how many items it found.
    :param settled: for which time it is repeated, until it finds nothing.
    """
    total = 0
    for note in notes:
        done = work(note)
        if not done and now() - note.created >= settled:
            # Last, so that a run that stops before this is repeated.
            delete_many([note.key])
        total += done
    return total


def clean_up(settled: timedelta = SETTLED) -> int:
    """Delete what refers to deleted items; see `work_off`."""
    known = cascading()
    notes = [
        note
        for note in query(Cascade, keys.CLEANUPS, prefix=keys.CLEANUP_REFERRERS)
        if (note.referrer, note.attribute) in known
    ]
    return work_off(notes, lambda note: _delete(note, *known[note.referrer, note.attribute]), settled)


def _delete(note: Cascade, kind: type[Item], reference: Reference) -> int:
    if get_many([reference.key(note.target_id)]):
        return 0  # an import has brought the item back
    done, after, partition = 0, "", reference.partition(note.target_id)
    while entries := query(IndexEntry, partition, after=after, limit=BATCH_WRITE_LIMIT):
        found = get_many(entry.finds for entry in entries).values()
        refers = [item for item in found if getattr(item, reference.attribute, None) == note.target_id]
        done += delete_each(item for item in refers if isinstance(item, kind))
        after = str(entries[-1].gsi1sk)
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
