"""Index entries: whatever writes an item writes what finds it, and nothing finds it by another value."""

from collections.abc import Iterator
from typing import Any

import pytest
from pynamodb.attributes import UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.companions import IndexEntry, entries_of, with_entries
from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.relations import Index
from chalicelib.db.table import HIGHEST, Item, delete_many, get_many, query
from chalicelib.db.transaction import StaleError
from tests.items import change, delete, put
from tests.support import dump_table

pytestmark = pytest.mark.usefixtures("table")
TITLE, STATUS = Index("title", by_prefix=True), Index("status")


class Part(Item, discriminator="part"):
    """A kind that is found in two ways."""

    personal = NOT_PERSONAL
    indexes = (TITLE, STATUS)
    title = UnicodeAttribute()
    status = UnicodeAttribute(null=True)

    def listed(self) -> tuple[str, str]:
        """As generated."""
        return "PARTS", self.pk


def written(number: int, title: str = "Gear", status: str | None = "new", **more: Any) -> Part:
    """A part in the table."""
    return put(Part.at(Key(f"PART#{number}", "PART"), title=title, status=status, **more))


def found(index: Index, wanted: str) -> list[str]:
    """The partitions of what the index leads to."""
    partition, begins = index.search("PARTS", wanted)
    return [entry.finds.pk for entry in query(IndexEntry, partition, begins=begins)]


def entries() -> Iterator[IndexEntry]:
    """All entries of the table."""
    return (IndexEntry.from_raw_data(item) for item in dump_table() if item["kind"]["S"] == "index_entry")


def test_a_new_item_is_found_by_each_of_its_indexes() -> None:
    """By the beginning of one value, and by all of another; in any case and width."""
    for number, title in enumerate(["Gear", "gearbox", "Axle"]):
        written(number, title)
    assert found(TITLE, "GEAR") == found(TITLE, "\uff27ear") == ["PART#0", "PART#1"]
    assert (found(STATUS, "NEW"), found(STATUS, "ne")) == (["PART#0", "PART#1", "PART#2"], [])


def test_a_changed_value_moves_the_entry() -> None:
    """It is rewritten in its place, so there is never a second one; others stay as they are."""
    part = written(1)
    before = {entry.attribute: entry.version for entry in entries()}
    change(part, title="Axle")
    after = {entry.attribute: entry.version for entry in entries()}
    assert (found(TITLE, "gear"), found(TITLE, "axle"), found(STATUS, "new")) == ([], ["PART#1"], ["PART#1"])
    assert (before, after) == ({"title": 1, "status": 1}, {"title": 2, "status": 1})


def test_none_is_found_by_nothing() -> None:
    """A value that is taken away takes its entry with it, and may come back."""
    part = written(1, status=None)
    assert [entry.attribute for entry in entries()] == ["title"]
    change(part, status="old")
    assert found(STATUS, "old") == ["PART#1"]
    change(part, status=None)
    assert [entry.attribute for entry in entries()] == ["title"]


@pytest.mark.parametrize("status", ["new", None])
def test_a_deletion_leaves_nothing(status: str | None) -> None:
    """One by one in a transaction, or many without conditions."""
    part, other = written(1, status=status), written(2, status=status)
    delete(part)
    delete_many(with_entries(other))
    assert dump_table() == []


def test_a_refused_change_moves_no_entry() -> None:
    """The entry is written with the item, or not at all."""
    part = written(1)
    (stale,) = get_many([part.key]).values()
    change(part, title="Axle")
    assert isinstance(stale, Part)
    with pytest.raises(StaleError):
        change(stale, title="Wheel")
    assert (found(TITLE, "axle"), found(TITLE, "wheel")) == (["PART#1"], [])


def test_an_entry_expires_with_its_item() -> None:
    """DynamoDB's TTL deletes both."""
    written(1, expires_at=1)
    assert [entry.expires_at for entry in entries()] == [1, 1]


def test_an_item_that_is_no_more_listed_is_not_found() -> None:
    """What finds items follows from where they are listed."""
    part = Part.at(Key("PART#1", "PART"), title="Gear")
    part.listed = lambda: None  # type: ignore[method-assign, assignment, return-value]
    assert entries_of(part) == []


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("a#b", "a#"),
        ("%_*?", "%_"),
        (f"x{HIGHEST * 3}", "x"),
        (f"x{HIGHEST * 49}", f"x{HIGHEST * 48}"),
        ("\ufdfa" * 50, "\ufdfa" * 49),
        ("\U0001f680" * 50, "\U0001f680" * 50),
    ],
)
def test_any_text_is_found_by_its_beginning(title: str, wanted: str) -> None:
    """However DynamoDB sorts it, and although a key has a bounded number of bytes."""
    part = written(1, title)
    written(2, "y")
    assert found(TITLE, wanted) == ["PART#1"]
    assert TITLE.matches(part.title, wanted)
    assert max(len(entry.gsi1sk.encode()) for entry in entries()) <= keys.MAX_PLACE + len("\x1fPART#1")


def test_a_place_that_long_values_share_is_not_a_match() -> None:
    """What differs behind the bytes that are sorted by is told apart by the values themselves."""
    alike = ["\ufdfa" * 49 + end for end in "ab"]
    for number, title in enumerate(alike):
        written(number, title)
    assert found(TITLE, alike[1]) == ["PART#0", "PART#1"]
    assert [TITLE.matches(title, alike[1]) for title in alike] == [False, True]


def test_what_is_found_continues_behind_a_place() -> None:
    """Sorted by value, then by the place in the listing."""
    for number, title in enumerate(["ab", "a b", "A", "ab", "b"]):
        written(number, title)
    places, after = [], ""
    while page := query(IndexEntry, *TITLE.search("PARTS", "a")[:1], begins="a", after=after, limit=1):
        after = page[0].gsi1sk
        places.append(page[0].finds.pk)
    assert places == ["PART#2", "PART#1", "PART#0", "PART#3"]


@pytest.mark.parametrize(
    ("value", "wanted", "is_it"),
    [
        ("Straße", "STRASSE", True),
        ("new", "ne", False),
        (True, True, True),
        (None, "None", False),
        (5, 5, True),
    ],
)
def test_an_equal_value_matches(value: Any, wanted: Any, is_it: bool) -> None:
    """By all of it, and nothing matches what is absent."""
    assert STATUS.matches(value, wanted) is is_it
