"""The rules for unique values: each has one marker, and each marker one item."""

from collections.abc import Iterator
from functools import partial

from pynamodb.expressions.update import Action

from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction
from chalicelib.db.unique import UniqueName
from tasks.data.findings import Finding, remove
from tasks.data.items import Found, known_kinds, read


def is_of_known_kind(item: Item) -> bool:
    """Whether an item is a marker of a kind that the code knows, which says where its items are."""
    return isinstance(item, UniqueName) and item.item_kind in known_kinds()


def judge_item(item: Item, found: Found) -> Iterator[Finding]:
    """Return which unique values of an item are not marked as its own."""
    for field, key in item.unique().items():
        word, marker = field.replace("_", " "), found.get(key)
        if marker is None:
            text = f"nothing marks its {word} as taken"
            yield Finding(item.key, text, "writes the marker", partial(_mark, item, key))
        elif isinstance(marker, UniqueName) and marker.item_key != item.key:
            yield _of_another(item, word, marker)


def judge_marker(marker: UniqueName, found: Found) -> Iterator[Finding]:
    """Return whether a marker is that of a value which its item does not have."""
    item = found.get(marker.item_key)
    if item is None:
        mend = partial(remove, marker, (Item, marker.item_key))
        yield Finding(marker.key, f"its {marker.item_kind} is gone", "frees the value", mend)
    elif not _may_have(item, marker):
        text = f"its {marker.item_kind}, {marker.item_id}, has another value"
        yield Finding(marker.key, text, "frees the value", partial(_free, marker, item))


def _of_another(item: Item, word: str, marker: UniqueName) -> Finding:
    key = marker.item_key
    other = read([key]).get(key)  # not read for all items, since this is very rare
    text = f"its {word} is marked as that of {key.pk}"
    if other and _may_have(other, marker):
        return Finding(item.key, text, f"both have it: change the {word} of one of them")
    return Finding(item.key, text, "corrects the marker", partial(_mark_again, item, marker))


def _may_have(item: Item, marker: UniqueName) -> bool:
    # One that can't be read is of no kind: nobody knows what values it has.
    return type(item) is Item or marker.key in item.unique().values()


def _begin(item: Item) -> Transaction:
    transaction = Transaction()
    transaction.check(type(item), item.key, Item.version == item.version)
    return transaction


def _mark(item: Item, key: Key) -> None:
    transaction = _begin(item)
    transaction.put(UniqueName.of(item, key))
    transaction.commit()


def _mark_again(item: Item, marker: UniqueName) -> None:
    transaction = _begin(item)
    right = UniqueName.of(item, marker.key)
    # its version stays 1, as whoever changes the value expects
    actions: list[Action] = [UniqueName.item_id.set(right.item_id), UniqueName.item_kind.set(right.item_kind)]
    transaction.add(right, actions, UniqueName.item_id == marker.item_id)
    transaction.commit()


def _free(marker: UniqueName, item: Item) -> None:
    transaction = _begin(item)
    transaction.delete(marker)
    transaction.commit()
