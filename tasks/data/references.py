"""References, compared with what they lead to, and with the counts that keep it from being deleted."""

from collections import Counter as Tally
from collections.abc import Iterator
from functools import partial
from typing import Any

from chalicelib.db import cascade_clean_up, keys
from chalicelib.db.cascades import Cascade
from chalicelib.db.keys import Key
from chalicelib.db.references import Reference
from chalicelib.db.table import Item, now
from chalicelib.db.transaction import Transaction
from tasks.data import table
from tasks.data.findings import STUCK, Finding, remove
from tasks.data.items import Found, parsed, read


def needs(item: Item) -> list[Key]:
    """Return the keys of what an item refers to, and of the notes that there are if it is gone."""
    return [key for reference, target_id in _uses(item) for key in _keys(item, reference, target_id)]


def _uses(item: Item) -> Iterator[tuple[Reference, str]]:
    for reference in item.references:
        target_id = getattr(item, reference.attribute)
        if target_id:
            yield reference, target_id


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
            mend = partial(remove, item, (Item, reference.key(target_id)))
            yield Finding(item.key, text, "removes it", mend)
        else:
            yield Finding(item.key, text, "change or delete it as an admin")


def judge_cascade(note: Cascade, _: Found) -> Iterator[Finding]:
    """Yield a note whose items should be gone long ago."""
    if now() - note.created > STUCK:
        text = f"what refers to a deleted item remains since {note.created:%F %T} UTC: does clean_up run?"
        yield Finding(note.key, text, "removes it", cascade_clean_up.clean_up)


def referred(item: Item) -> list[Key]:
    """Return the keys of the items that an item keeps from being deleted."""
    return [
        reference.key(target_id) for reference, target_id in _uses(item) if reference.when_deleted == "refuse"
    ]


def count_findings(suspects: set[Key], *, is_partial: bool) -> Iterator[Finding]:
    """Count again what refers to items, and yield the counts that are wrong.

    :param is_partial: there are items that the code can't read, which may refer to something.
    """
    before = read(suspects)
    there = _count(suspects) if suspects else Tally[Key]()
    after = read(suspects)
    for key in sorted(suspects & after.keys()):
        item, stated = after[key], int(after[key].referrers or 0)
        is_quiet = key in before and before[key].referrals == item.referrals
        if is_quiet and there[key] != stated:
            text = f"says that {stated} others refer to it, but there are {there[key]}"
            mend = None if is_partial and there[key] < stated else partial(_correct, item, there[key])
            remedy = "corrects it" if mend else "may be referred to by items that this code can't read"
            yield Finding(key, text, remedy, mend)


def _count(wanted: set[Key]) -> Tally[Key]:
    there = Tally[Key]()
    for page in table.pages():
        for item in parsed(page["Items"])[0]:
            there.update(key for key in referred(item) if key in wanted)
    return there


def _correct(item: Item, number: int) -> None:
    """Set the count of an item that nobody has changed, or referred to, since it was read."""
    seen: float | None = item.referrals
    unchanged = Item.referrals.does_not_exist() if seen is None else Item.referrals == seen
    transaction = Transaction()
    transaction.update(item, [Item.referrers.set(number)], unchanged)
    transaction.commit()
