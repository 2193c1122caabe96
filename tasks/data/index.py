"""Index entries, compared with the items that they find."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from chalicelib.db.entries import IndexEntry, entries_of
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction
from tasks.data.findings import Finding, remove
from tasks.data.items import Found


def entry_keys(item: Item) -> list[Key]:
    """Return the keys of the entries that should find an item."""
    return [entry.key for entry in entries_of(item)]


def judge_indexed(item: Item, found: Found) -> Iterator[Finding]:
    """Yield what is wrong with the entries of an item: they are missing, or find it elsewhere."""
    for wanted in entries_of(item):
        entry = found.get(wanted.key)
        if not (isinstance(entry, IndexEntry) and entry.listed() == wanted.listed()):
            text = f"is not found by its {wanted.attribute}"
            mend = partial(_write, item, wanted.attribute)
            yield Finding(item.key, text, "writes the index entry", mend)


def judge_entry(entry: IndexEntry, found: Found) -> Iterator[Finding]:
    """Yield what is wrong with an entry that should not be there."""
    item = found.get(entry.finds)
    if item is None:
        mend = partial(remove, entry, (Item, entry.finds))
        yield Finding(entry.key, "what it finds is gone", "removes it", mend)
    elif type(item) is not Item and entry.key not in entry_keys(item):  # of one that can't be read, who knows
        text = f"finds an item by a {entry.attribute} that it does not have"
        yield Finding(entry.key, text, "removes it", partial(_remove, entry, item))


def _write(item: Any, attribute: str) -> None:
    transaction = Transaction()
    transaction.change(item, {attribute: getattr(item, attribute)})
    transaction.commit()


def _remove(entry: IndexEntry, item: Item) -> None:
    transaction = Transaction()
    transaction.check(type(item), item.key, Item.version == item.version)
    transaction.delete(entry)
    transaction.commit()
