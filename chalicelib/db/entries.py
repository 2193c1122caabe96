"""Index entries: items that find others by the value of an attribute; transactions write them."""

from typing import Any

from chalicelib.db import keys
from chalicelib.db.index import Index
from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.table import Item


class IndexEntry(Item, discriminator="index_entry"):
    """Finds an item by the value of one attribute.

    It shares the partition of that item, and is written and deleted in the same transactions. The index
    follows a moment later, so what an entry leads to is read again, and need not have the value any more.
    """

    personal = NOT_PERSONAL  # goes with the item that it finds

    def listed(self) -> tuple[str, str]:
        """Return the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return self.gsi1pk, self.gsi1sk

    def counted(self) -> tuple[str, ...]:
        """Return no counters: the item that it finds is counted."""
        return ()

    @property
    def finds(self) -> Key:
        """The key of the item that it finds."""
        return keys.found_by(self.key)[0]

    @property
    def attribute(self) -> str:
        """The name of the attribute by which it finds it."""
        return keys.found_by(self.key)[1]


def entry_of(item: Item, index: Index, value: Any) -> IndexEntry | None:
    """Return the entry that finds an item by a value; None if nothing is to find it.

    Its version is the one that the item gets when it is written with it.
    """
    listed = item.listed()
    if value is None or listed is None:
        return None
    gsi1pk, gsi1sk = index.place(listed, value)
    return IndexEntry.at(
        keys.index_entry(*item.key, index.attribute),
        gsi1pk=gsi1pk,
        gsi1sk=gsi1sk,
        version=int(item.version or 0) + 1,
        expires_at=item.expires_at,
    )


def entries_of(item: Item) -> list[IndexEntry]:
    """Return the entries that find an item as it is."""
    found = (entry_of(item, index, getattr(item, index.attribute)) for index in item.indexes)
    return [entry for entry in found if entry]


def is_found_in(item: Item, partition: str) -> bool:
    """Whether an entry of an item as it is stands in a partition; what led there may be of a moment ago."""
    return any(entry.gsi1pk == partition for entry in entries_of(item))


def all_keys(item: Item) -> list[Key]:
    """Return the keys of an item and of what goes with it: its markers first, last what may find it."""
    return [
        *item.unique().values(),
        item.key,
        *(keys.index_entry(*item.key, index.attribute) for index in item.indexes),
    ]
