"""How an attribute refers to another item: what is there stays there, or takes along what refers to it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chalicelib.db.index import Index
from chalicelib.db.keys import Key
from chalicelib.errors import InvalidValueError


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An attribute that holds the id of another item; transactions see to it that this item exists.

    :param attribute: its name; the kind has an index of it, too.
    :param listing: the listing that all items of the kind are in.
    :param key: the key of the other item, by its id.
    :param when_deleted: what the deletion of the other item does. "refuse": it is a conflict as long as
        anything refers to it. "cascade": what refers to it is deleted in the background. "erasure": it is an
        account, and `personal` of this kind says what its erasure does.
    """

    attribute: str
    listing: str
    key: Callable[[str], Key]
    when_deleted: Literal["refuse", "cascade", "erasure"] = "refuse"

    def partition(self, target_id: str) -> str:
        """Return the name of the index of what refers to an id."""
        return Index(self.attribute).search(self.listing, target_id)[0]


@dataclass
class Stake:
    """What a write changes for an item that is referred to.

    :param amount: how many more references there are that keep it from being deleted.
    :param new: attributes that begin to refer to it.
    """

    amount: int = 0
    new: list[str] = field(default_factory=list)

    @property
    def unknown(self) -> InvalidValueError:
        """What is said where this item does not exist."""
        detail = "There is nothing with this id to refer to."
        return InvalidValueError(errors=[{"pointer": f"/{name}", "detail": detail} for name in self.new])


def stakes(
    references: Iterable[Reference], before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[Key, Stake]:
    """Compare what an item refers to.

    :param before: its attributes, and `after` what they become.
    :returns: by the key of each other item for which something changes.
    """
    found: dict[Key, Stake] = {}
    for reference in references:
        old, new = before.get(reference.attribute), after.get(reference.attribute)
        counts = int(reference.when_deleted == "refuse")
        if old == new:
            continue
        if old and counts:
            found.setdefault(reference.key(old), Stake()).amount -= 1
        if new:
            stake = found.setdefault(reference.key(new), Stake())
            stake.amount += counts
            stake.new.append(reference.attribute)
    return found
