"""Notes of what is to be deleted with an item that it refers to."""

from collections.abc import Iterator
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.references import Reference
from chalicelib.db.table import Item


class Cascade(Item, discriminator="cascade"):
    """Notes that what refers to a deleted item is still to be deleted."""

    personal = NOT_PERSONAL

    referrer = UnicodeAttribute()  # the kind of what refers
    attribute = UnicodeAttribute()
    target_id = UnicodeAttribute()


def cascades_of(item: Item) -> Iterator[Cascade]:
    """Return the notes that the deletion of an item leaves, one for each way to refer to it."""
    target_id = getattr(item, "id", "")
    for name, _, reference in cascading():
        if reference.key(target_id) == item.key:
            yield Cascade.at(
                keys.cascade(name, reference.attribute, target_id),
                referrer=name,
                attribute=reference.attribute,
                target_id=target_id,
            )


def cascading() -> Iterator[tuple[str, type[Item], Reference]]:
    """Return the references of all kinds that delete what refers, with the kind and its name."""
    attribute: Any = Item.kind
    for kind in attribute.get_registered_subclasses(Item):
        for reference in kind.references:
            if reference.when_deleted == "cascade":
                yield attribute.get_discriminator(kind), kind, reference
