"""How an attribute finds items: its values as they stand in the table's one index."""

from dataclasses import dataclass
from typing import Any

from chalicelib.db import keys

MAX_VALUE = 500  # characters of a value that is folded


@dataclass(frozen=True)
class Index:
    """An attribute that finds the items of a kind among those that are listed with them.

    Spellings that look alike are the same (NFKC and casefold). A value of None finds nothing.

    :param attribute: its name.
    :param by_prefix: found by the beginning of the value, in the order of values; otherwise by all of it, in
        the order of the listing.
    """

    attribute: str
    by_prefix: bool = False

    def place(self, listed: tuple[str, str], value: Any) -> tuple[str, str]:
        """Return where an item is found by a value: gsi1pk and gsi1sk.

        :param listed: the listing of the item, and its place there.
        """
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
