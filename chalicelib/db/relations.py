"""What a kind declares of its attributes: which find its items, and which refer to other items."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.db import keys
from chalicelib.db.keys import Key

MAX_VALUE = 500  # characters of a value that is folded


@dataclass(frozen=True)
class Index:
    """An attribute that finds the items of a kind among those that are listed with them.

    Spellings that look alike are the same (NFKC and casefold). A value of None finds nothing.

    :param by_prefix: found by the beginning of the value, in the order of values; otherwise by all of it, in
        the order of the listing.
    """

    attribute: str
    by_prefix: bool = False

    def place(self, listed: tuple[str, str], value: Any) -> tuple[str, str]:
        """Return where an item is found by a value (gsi1pk, gsi1sk), by where it is listed."""
        partition, position = listed
        if self.by_prefix:
            return keys.indexed(partition, self.attribute), keys.place_of(_folded(value), position)
        return keys.indexed(partition, self.attribute, _folded(value)), position

    def search(self, listing: str, wanted: Any) -> tuple[str, str]:
        """Return where items are that have a value, or begin with it: gsi1pk, and the beginning of gsi1sk.

        Long values share a place: see whether what is found there `matches`.
        """
        if self.by_prefix:
            return keys.indexed(listing, self.attribute), keys.shortened(_folded(wanted))
        return keys.indexed(listing, self.attribute, _folded(wanted)), ""

    def matches(self, value: Any, wanted: Any) -> bool:
        """Whether a value is the one that is wanted, or begins with it."""
        if value is None:
            return False
        is_it = str.startswith if self.by_prefix else str.__eq__
        return bool(is_it(_folded(value), _folded(wanted)))


def _folded(value: Any) -> str:
    return keys.unique(str(value), MAX_VALUE)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An attribute that holds the id of another item; transactions see to it that this item exists.

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
