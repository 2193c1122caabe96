"""The kinds of items that name people, by their own declarations, and what there is of a person."""

from typing import NamedTuple

from chalicelib.db.companions import IndexEntry, is_found_in
from chalicelib.db.personal import Person, Place
from chalicelib.db.table import BATCH_READ_LIMIT, Item, get_many, kinds, query
from chalicelib.security.actor import Account


class Source(NamedTuple):
    """Where there are items of one kind that name a person."""

    name: str
    number: int
    kind: type[Item]
    place: Place

    def read(self, after: str, limit: int) -> list[Item]:
        """Read items in order, behind a position; fewer only if there are no more."""
        place = self.place
        if not place.finds:
            return list(query(self.kind, place.partition, prefix=place.prefix, after=after, limit=limit))
        found = list[Item]()
        while some := min(limit - len(found), BATCH_READ_LIMIT):
            entries = query(IndexEntry, place.partition, after=after, limit=some)
            items = get_many(entry.finds for entry in entries)
            there = (items[entry.finds] for entry in entries if entry.finds in items)
            found += [item for item in there if is_found_in(item, place.partition)]
            if len(entries) < some:
                break
            after = str(entries[-1].gsi1sk)
        return found

    def position(self, item: Item) -> str:
        """Return the position of an item that was read here."""
        prefix = self.place.prefix
        return str(item.gsi1sk) if prefix is None else item.sk.removeprefix(prefix)


def person_of(account: Account) -> Person:
    """Return whom an export or the erasure of an account is about.

    Anybody may sign up with any address, so one that is not confirmed leads to nothing: what others sent
    there may be for somebody else.
    """
    return Person(account.id, account.email if account.has_confirmed_email else "")


def sources(person: Person) -> list[Source]:
    """List where items are that name a person, in an order that stays."""
    return [
        Source(name, number, kind, place)
        for name, kind in sorted(kinds().items())
        if "personal" in vars(kind)
        for number, place in enumerate(kind.personal.places(person))
    ]
