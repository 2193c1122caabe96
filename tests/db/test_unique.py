"""Unique values: whatever writes an item writes what marks them."""

from collections.abc import Callable

import pytest
from pynamodb.attributes import UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.table import Item, delete_many
from chalicelib.db.transaction import StaleError, Transaction
from chalicelib.errors import ConflictError
from tests import items
from tests.items import change, delete
from tests.support import dump_table

pytestmark = pytest.mark.usefixtures("table")


class Wheel(Item, discriminator="wheel"):
    """A kind with two unique values, of which one may be missing."""

    personal = NOT_PERSONAL
    id = UnicodeAttribute()
    serial = UnicodeAttribute()
    nickname = UnicodeAttribute(default="")

    def unique(self) -> dict[str, Key]:
        """As generated."""
        values = {"serial": self.serial, "nickname": self.nickname}
        return {name: keys.unique_value("wheel", name, value) for name, value in values.items() if value}


def put(number: int, serial: str, nickname: str = "") -> Wheel:
    """Write a wheel."""
    key = Key(f"WHEEL#{number}", "WHEEL")
    return items.put(Wheel.at(key, id=str(number), serial=serial, nickname=nickname))


def marked() -> dict[str, str]:
    """The values that are taken, and the ids of what has them."""
    found = [item for item in dump_table() if item["kind"]["S"] == "unique_name"]
    return {item["pk"]["S"].removeprefix("UNIQUE#wheel#"): item["user_id"]["S"] for item in found}


def test_a_new_item_takes_its_values() -> None:
    """Folded; a missing one takes nothing."""
    put(1, "A-1", "Big")
    put(2, "A-2")
    assert marked() == {"serial#a-1": "1", "nickname#big": "1", "serial#a-2": "2"}


def test_every_value_that_is_taken_is_told() -> None:
    """One refusal points at all of them, and nothing is written."""
    put(1, "A-1", "Big")
    before = dump_table()
    with pytest.raises(ConflictError, match=r"serial is taken.*nickname is taken") as caught:
        put(2, "a-1", "BIG")
    assert [each["pointer"] for each in caught.value.errors] == ["/serial", "/nickname"]
    assert dump_table() == before


def test_the_same_value_of_another_attribute_is_free() -> None:
    """Values are unique for each attribute by itself."""
    put(1, "one", "two")
    put(2, "two", "one")
    assert len(marked()) == 4


def test_a_change_frees_the_old_value_and_takes_the_new_one() -> None:
    """In one transaction; what is not changed keeps its marker."""
    wheel = put(1, "A-1", "Big")
    change(wheel, serial="B-1")
    change(wheel, nickname="")
    put(2, "A-1", "Big")
    assert marked() == {"serial#b-1": "1", "serial#a-1": "2", "nickname#big": "2"}


def test_another_spelling_of_the_same_value_keeps_its_marker() -> None:
    """An item does not contradict itself."""
    change(put(1, "A-1"), serial="a-1")
    assert marked() == {"serial#a-1": "1"}


def test_a_change_to_what_is_taken_writes_nothing() -> None:
    """The refusal may be another one."""
    put(1, "A-1")
    wheel = put(2, "A-2")
    before, refusal, work = dump_table(), ConflictError("Gone."), Transaction()
    work.change(wheel, {"serial": "A-1"}, if_taken=refusal)
    with pytest.raises(ConflictError) as caught:
        work.commit()
    assert (caught.value, dump_table()) == (refusal, before)


def test_what_has_changed_since_it_was_read_frees_nothing() -> None:
    """A deletion of an older version leaves item and markers."""
    wheel, older = put(1, "A-1"), Wheel.get("WHEEL#1", "WHEEL")
    change(wheel, nickname="Big")
    with pytest.raises(StaleError):
        delete(older)
    assert marked() == {"serial#a-1": "1", "nickname#big": "1"}


@pytest.mark.parametrize("free", [lambda wheel: change(wheel, serial="B-1"), delete])
def test_a_value_that_is_marked_as_anothers_stays_so(free: Callable[[Wheel], None]) -> None:
    """Of two items with one value, as a restore may leave them, the one without the marker gives it up."""
    wheel, other = put(1, "A-1"), put(2, "A-2")
    other.update([Wheel.serial.set("A-1")])
    delete_many([keys.unique_value("wheel", "serial", "A-2")])
    free(other)
    assert marked()["serial#a-1"] == wheel.id


def test_an_item_without_marker_can_be_changed_and_deleted() -> None:
    """It was there before its value was to be unique."""
    wheel = put(1, "A-1", "Big")
    delete_many(list(wheel.unique().values()))
    change(wheel, serial="B-1")
    delete(wheel)
    assert dump_table() == []


def test_a_deletion_frees_all_values() -> None:
    """With the item."""
    delete(put(1, "A-1", "Big"))
    assert dump_table() == []
