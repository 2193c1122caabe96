"""Values that only one item may have, such as usernames: each is marked by an item whose key is free once."""

from collections.abc import Callable
from typing import Any, Self

from pynamodb.attributes import UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.table import Item
from chalicelib.errors import ConflictError


class UniqueName(Item, discriminator="unique_name"):
    """Marks a value as taken, and leads to the item that has it."""

    personal = NOT_PERSONAL  # is deleted with that item, which shows the value

    item_id = UnicodeAttribute(attr_name="user_id")  # once, only users had such values
    item_kind = UnicodeAttribute(default="user")

    @classmethod
    def of(cls, item: Any, key: Key, **attributes: Any) -> Self:
        """Return the marker of an item's value; it is written once, so it has version 1 then.

        :param item: of a kind with ids, whose function in db/keys.py is called as the kind is.
        """
        kind: Any = Item.kind
        return cls.at(key, item_id=item.id, item_kind=kind.get_discriminator(type(item)), **attributes)

    @property
    def item_key(self) -> Key:
        """Key of the item that has the value."""
        make: Callable[[str], Key] = getattr(keys, self.item_kind)
        return make(self.item_id)


def taken(field: str) -> ConflictError:
    """Return the refusal of a value that another item has."""
    return ConflictError(
        f"This {field.replace('_', ' ')} is taken: choose another.",
        errors=[{"pointer": f"/{field}", "detail": "This is taken."}],
    )
