"""What a check finds, and how it is repaired: on condition that nothing has changed since."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.db import counters
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction
from tasks.data.items import Found

STUCK = timedelta(hours=1)  # the clean-up runs every five minutes


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be.

    :param remedy: what mending does; without `mend`, what a person has to do.
    :param mend: adds the repair to a transaction, with its conditions; a job of the clean-up adds nothing.
    :param is_leftover: what deletions leave behind, which nothing reaches: no damage.
    """

    about: Key
    text: str
    remedy: str
    mend: Callable[[Transaction], object] | None = None
    is_leftover: bool = False

    def __str__(self) -> str:
        """Return the finding as one line."""
        return f"{self.about.pk} {self.about.sk}: {self.text}"


def unchanged(seen: Item | None) -> Condition:
    """Return the condition that an item is as it was seen: None, if it was absent."""
    if seen is None:
        return Item.pk.does_not_exist()
    # one that can't be read has no version
    return Item.version == seen.version if seen.version else Item.pk.exists()


def remove(item: Item, other: Key, found: Found, work: Transaction) -> None:
    """Delete an item, and count it no more, while another one is as it was found, or not found."""
    work.delete(item)
    work.check(Item, other, unchanged(found.get(other)))
    for counter in item.counted():
        counters.add(work, counter, -1)


def change(item: Item, values: Mapping[str, Any], work: Transaction) -> None:
    """Set attributes of an item, and so write its index entries."""
    work.change(item, values)


def list_anew(item: Item, work: Transaction) -> None:
    """Set the attributes of an item's listing."""
    pairs = zip((Item.gsi1pk, Item.gsi1sk), item.listed() or (None, None), strict=True)
    actions: list[Action] = [
        attribute.remove() if value is None else attribute.set(value) for attribute, value in pairs
    ]
    work.update(item, actions)
