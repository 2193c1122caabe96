"""The rules for what leads to items: markers of their unique values, and index entries."""

from collections.abc import Iterator
from functools import partial

from pynamodb.expressions.update import Action

from chalicelib.db.companions import IndexEntry, entries_of
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction
from chalicelib.db.unique import UniqueName
from tasks.data.findings import Finding, change, remove, unchanged
from tasks.data.items import Found, known_kinds, read


def is_of_known_kind(item: Item) -> bool:
    """Whether an item is a marker of a kind that the code knows, which says where its items are."""
    return isinstance(item, UniqueName) and item.item_kind in known_kinds()


def judge_unique(item: Item, found: Found) -> Iterator[Finding]:
    """Yield the unique values of an item that are not marked as its own."""
    for field, key in item.unique().items():
        word, marker = field.replace("_", " "), found.get(key)
        if marker is None:
            text = f"nothing marks its {word} as taken"
            yield Finding(item.key, text, "writes the marker", partial(_mark, item, key))
        elif isinstance(marker, UniqueName) and marker.item_key != item.key:
            yield _of_another(item, word, marker)


def _of_another(item: Item, word: str, marker: UniqueName) -> Finding:
    key = marker.item_key
    other = read([key]).get(key)  # not read for all items, since this is very rare
    text = f"its {word} is marked as that of {key.pk}"
    if other and _may_have(other, marker):
        return Finding(item.key, text, f"both have it: change the {word} of one of them")
    return Finding(item.key, text, "corrects the marker", partial(_mark_again, item, marker))


def judge_marker(marker: UniqueName, found: Found) -> Iterator[Finding]:
    """Yield that a marker is that of a value which its item does not have."""
    item, mend = found.get(marker.item_key), partial(remove, marker, marker.item_key, found)
    if item is None:
        yield Finding(marker.key, f"its {marker.item_kind} is gone", "frees the value", mend)
    elif not _may_have(item, marker):
        text = f"its {marker.item_kind}, {marker.item_id}, has another value"
        yield Finding(marker.key, text, "frees the value", mend)


def _may_have(item: Item, marker: UniqueName) -> bool:
    # One that can't be read is of no kind: nobody knows what values it has.
    return type(item) is Item or marker.key in item.unique().values()


def _mark(item: Item, key: Key, work: Transaction) -> None:
    work.check(Item, item.key, unchanged(item))
    work.put(UniqueName.of(item, key))


def _mark_again(item: Item, marker: UniqueName, work: Transaction) -> None:
    work.check(Item, item.key, unchanged(item))
    right = UniqueName.of(item, marker.key)
    # its version stays 1, as whoever changes the value expects
    actions: list[Action] = [UniqueName.item_id.set(right.item_id), UniqueName.item_kind.set(right.item_kind)]
    work.add(right, actions, UniqueName.item_id == marker.item_id)


def judge_indexed(item: Item, found: Found) -> Iterator[Finding]:
    """Yield the entries of an item that are missing, or find it elsewhere."""
    for wanted in entries_of(item):
        entry, attribute = found.get(wanted.key), wanted.attribute
        if not (isinstance(entry, IndexEntry) and entry.listed() == wanted.listed()):
            mend = partial(change, item, {attribute: getattr(item, attribute)})
            yield Finding(item.key, f"is not found by its {attribute}", "writes the index entry", mend)


def judge_entry(entry: IndexEntry, found: Found) -> Iterator[Finding]:
    """Yield that an entry should not be there."""
    item, mend = found.get(entry.finds), partial(remove, entry, entry.finds, found)
    if item is None:
        yield Finding(entry.key, "what it finds is gone", "removes it", mend)
    elif type(item) is not Item and entry.key not in [wanted.key for wanted in entries_of(item)]:
        text = f"finds an item by a {entry.attribute} that it does not have"
        yield Finding(entry.key, text, "removes it", mend)
