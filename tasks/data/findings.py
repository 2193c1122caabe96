"""What a check finds, and how it is repaired: on condition that nothing has changed since."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from pynamodb.expressions.update import Action

from chalicelib.db import counters
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction

STUCK = timedelta(hours=1)  # the clean-up runs every five minutes


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be.

    :param about: key of the item.
    :param text: what is wrong with it.
    :param remedy: what mending does; what a person has to do, where that is not known.
    :param mend: writes it; raises StaleError, and writes nothing, if anything has changed since.
    :param is_leftover: what deletions leave behind, which nothing reaches: no damage.
    """

    about: Key
    text: str
    remedy: str
    mend: Callable[[], object] | None = None
    is_leftover: bool = False

    def __str__(self) -> str:
        """Return the finding as one line."""
        return f"{self.about.pk} {self.about.sk}: {self.text}"


def remove(item: Item, *absent: tuple[type[Item], Key]) -> None:
    """Delete an item that is still as it was seen, and count it no more, while what it needs is still gone.

    :param absent: kind and key of what has to be gone.
    """
    transaction = Transaction()
    transaction.delete(item)
    for kind, key in absent:
        transaction.check(kind, key, kind.pk.does_not_exist())
    for counter in item.counted():
        counters.add(transaction, counter, -1)
    transaction.commit()


def list_anew(item: Item) -> None:
    """Set the attributes of an item's listing."""
    pairs = zip((Item.gsi1pk, Item.gsi1sk), item.listed() or (None, None), strict=True)
    actions: list[Action] = [
        attribute.remove() if value is None else attribute.set(value) for attribute, value in pairs
    ]
    transaction = Transaction()
    transaction.update(item, actions)
    transaction.commit()
