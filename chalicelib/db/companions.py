"""What is written with an item: index entries, markers, and what its references and its deletion ask for."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.relations import Index, Reference
from chalicelib.db.table import Item, connection, kinds
from chalicelib.db.unique import UniqueName, taken
from chalicelib.errors import ApiError, InvalidValueError

CHECK, DELETE, PUT, UPDATE = "condition_check_items", "delete_items", "put_items", "update_items"
EXISTS = Item.pk.exists()


@dataclass(frozen=True, eq=False)
class Write:
    """One write of a transaction.

    :param otherwise: the refusal if its condition does not hold; None: something has changed since it was
        read.
    :param elsewhere: what to add instead to which item, when others are met again and again at the first one.
    :param lets_go: of what should be there; where it is not, there is nothing to do.
    """

    kind: str
    key: Key
    condition: Condition | None = None
    actions: list[Action] | None = None
    attributes: dict[str, Any] | None = None
    otherwise: ApiError | None = None
    elsewhere: Callable[[], tuple[Item, list[Action]]] | None = None
    lets_go: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """What DynamoDB takes for it."""
        return connection().get_operation_kwargs(
            *self.key,
            key="Item" if self.kind == PUT else "Key",
            attributes=self.attributes,
            actions=self.actions,
            condition=self.condition,
        )


def put(item: Item, otherwise: ApiError | None = None) -> Write:
    """Return the write of a new item, whose key must be free; it has version 1 then."""
    item.version = 1
    return Write(PUT, item.key, Item.pk.does_not_exist(), attributes=item.serialize(), otherwise=otherwise)


def companions(
    before: Item | None, after: Item | None, attributes: Collection[str], if_taken: ApiError | None = None
) -> Iterator[Write]:
    """Yield what is written with an item, in the same transaction.

    :param before: the item as it is; None if it is new.
    :param after: as it becomes; None if it is deleted.
    :param attributes: names of those that are written.
    :param if_taken: the refusal if another item has a unique value; None for that of `taken`.
    """
    yield from _entries(before, after, attributes)
    yield from _markers(before, after, if_taken)
    yield from _targets(before, after)
    if before and not after:
        yield from map(put, cascades_of(before))


class IndexEntry(Item, discriminator="index_entry"):
    """Finds an item by the value of one attribute.

    It shares the partition of that item, and is written and deleted in the same transactions. The index
    follows a moment later, so what an entry leads to is read again, and need not have the value any more.
    """

    personal = NOT_PERSONAL  # goes with the item that it finds

    def listed(self) -> tuple[str, str]:
        """Return the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return self.gsi1pk, self.gsi1sk

    def counted(self) -> tuple[str, ...]:
        """Return no counters: the item that it finds is counted."""
        return ()

    @property
    def finds(self) -> Key:
        """The key of the item that it finds."""
        return keys.found_by(self.key)[0]

    @property
    def attribute(self) -> str:
        """The name of the attribute by which it finds it."""
        return keys.found_by(self.key)[1]


def entries_of(item: Item) -> list[IndexEntry]:
    """Return the entries that find an item as it is."""
    return [entry for entry in (_entry(item, index) for index in item.indexes) if entry]


def _entry(item: Item, index: Index) -> IndexEntry | None:
    value, listed = getattr(item, index.attribute), item.listed()
    if value is None or listed is None:
        return None
    gsi1pk, gsi1sk = index.place(listed, value)
    return IndexEntry.at(
        keys.index_entry(*item.key, index.attribute),
        gsi1pk=gsi1pk,
        gsi1sk=gsi1sk,
        version=item.version or 1,
        expires_at=item.expires_at,
    )


def is_found_in(item: Item, partition: str) -> bool:
    """Whether an entry of an item as it is stands in a partition; what led there may be of a moment ago."""
    return any(entry.gsi1pk == partition for entry in entries_of(item))


def with_entries(item: Item) -> list[Key]:
    """Return the keys of an item and of what may find it."""
    return [item.key, *(keys.index_entry(*item.key, index.attribute) for index in item.indexes)]


def _entries(before: Item | None, after: Item | None, attributes: Collection[str]) -> Iterator[Write]:
    # Without conditions: whoever writes an entry writes its item as well, which has one.
    item = after or before
    for index in item.indexes if item else ():
        if index.attribute not in attributes:
            continue
        if after and (entry := _entry(after, index)):
            yield Write(PUT, entry.key, attributes=entry.serialize())
        elif before:
            yield Write(DELETE, keys.index_entry(*before.key, index.attribute))


def _markers(before: Item | None, after: Item | None, if_taken: ApiError | None) -> Iterator[Write]:
    owner: Any = before
    old, new = (each.unique() if each else {} for each in (before, after))
    # A spelling that folds to the same key keeps its marker.
    for field, key in new.items():
        if key not in old.values():
            yield put(UniqueName.of(after, key), if_taken or taken(field))
    for key in old.values():
        if key not in new.values():
            # nobody else's, should two items have the value
            its_own = (UniqueName.version == 1) & (UniqueName.item_id == owner.id)
            yield Write(DELETE, key, its_own, lets_go=True)


def _targets(before: Item | None, after: Item | None) -> Iterator[Write]:
    """Demand that what an item refers to exists, and count there what keeps it from being deleted."""
    item: Any = after or before
    amounts, pointers = Counter[Key](), defaultdict[Key, list[str]](list)
    for reference in item.references:
        old, new = (getattr(each, reference.attribute, None) for each in (before, after))
        is_counted = reference.when_deleted == "refuse"
        if old == new:
            continue
        if old and is_counted:
            amounts[reference.key(old)] -= 1
        if new:
            amounts[reference.key(new)] += is_counted
            pointers[reference.key(new)].append(f"/{reference.attribute}")
    for key, amount in amounts.items():
        detail = "There is nothing with this id to refer to."
        unknown = InvalidValueError(errors=[{"pointer": each, "detail": detail} for each in pointers[key]])
        if key == item.key:
            raise unknown
        if amount:
            # whatever its version: it shows the same as before
            actions: list[Action] = [Item.referrers.add(amount), Item.referrals.add(1)]
            lets_go = not pointers[key]
            yield Write(UPDATE, key, EXISTS, actions, otherwise=unknown, lets_go=lets_go)
        else:
            yield Write(CHECK, key, EXISTS, otherwise=unknown)


class Cascade(Item, discriminator="cascade"):
    """Notes that what refers to a deleted item is still to be deleted."""

    personal = NOT_PERSONAL

    referrer = UnicodeAttribute()  # the kind of what refers
    attribute = UnicodeAttribute()
    target_id = UnicodeAttribute()


def cascades_of(item: Item) -> Iterator[Cascade]:
    """Return the notes that the deletion of an item leaves, one for each way to refer to it."""
    target_id = getattr(item, "id", "")
    for (referrer, attribute), (_, reference) in cascading().items():
        if reference.key(target_id) == item.key:
            key = keys.cascade(referrer, attribute, target_id)
            yield Cascade.at(key, referrer=referrer, attribute=attribute, target_id=target_id)


def cascading() -> dict[tuple[str, str], tuple[type[Item], Reference]]:
    """Return the references that delete what refers, and its kind, by the names of kind and attribute."""
    return {
        (name, reference.attribute): (kind, reference)
        for name, kind in kinds().items()
        for reference in kind.references
        if reference.when_deleted == "cascade"
    }
