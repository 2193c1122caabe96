"""The rules for what refers to other items, and for the notes that it will be deleted with them."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from chalicelib.db import clean_up, keys
from chalicelib.db.companions import Cascade
from chalicelib.db.keys import Key
from chalicelib.db.relations import Reference
from chalicelib.db.table import Item, now
from tasks.data.findings import STUCK, Finding, remove
from tasks.data.items import Found


def _uses(item: Item) -> Iterator[tuple[Reference, str]]:
    for reference in item.references:
        target_id = getattr(item, reference.attribute)
        if target_id:
            yield reference, target_id


def kept_by(item: Item) -> list[Key]:
    """Return the keys of the items that an item keeps from being deleted."""
    return [
        reference.key(target_id) for reference, target_id in _uses(item) if reference.when_deleted == "refuse"
    ]


def needs(item: Item) -> list[Key]:
    """Return the keys of what an item refers to, and of the notes that there are if it is gone."""
    return [key for reference, target_id in _uses(item) for key in _keys(item, reference, target_id)]


def _keys(item: Item, reference: Reference, target_id: str) -> list[Key]:
    attribute: Any = Item.kind
    kind = attribute.get_discriminator(type(item))
    return [
        reference.key(target_id),
        keys.cascade(kind, reference.attribute, target_id),
        keys.erasure(target_id),
    ]


def judge_references(item: Item, found: Found) -> Iterator[Finding]:
    """Yield the references of an item that lead to nothing, unless that is being cleaned up."""
    for reference, target_id in _uses(item):
        if any(key in found for key in _keys(item, reference, target_id)):
            continue
        text = f"its {reference.attribute} refers to nothing"
        if reference.when_deleted == "cascade":
            yield Finding(
                item.key, text, "removes it", partial(remove, item, reference.key(target_id), found)
            )
        else:
            yield Finding(item.key, text, "change or delete it as an admin")


def judge_cascade(note: Cascade, _: Found) -> Iterator[Finding]:
    """Yield a note whose items should be gone long ago."""
    if now() - note.created > STUCK:
        text = f"what refers to a deleted item remains since {note.created:%F %T} UTC: does clean_up run?"
        yield Finding(note.key, text, "removes it", lambda _: clean_up.clean_up())
