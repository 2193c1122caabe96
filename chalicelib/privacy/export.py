"""What an export shows of a person: every kind of item that names them, page by page."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from chalicelib.db.personal import Person
from chalicelib.db.table import Item, is_expired
from chalicelib.privacy.kinds import Source, sources


class Place(NamedTuple):
    """Where a page ends: behind which item of which source."""

    name: str
    number: int
    position: str

    @property
    def text(self) -> str:
        """The place in one line."""
        return f"{self.name} {self.number} {self.position}"

    @classmethod
    def of(cls, text: str) -> "Place":
        """Read what `text` wrote."""
        name, number, position = text.split(" ", 2)
        return cls(name, int(number), position)


START = Place("", 0, "")


def read_page(person: Person, start: Place, limit: int) -> tuple[list[dict[str, Any]], Place | None]:
    """Read what names a person, with one Query for each kind at most.

    :param start: where the page before ended.
    :returns: the entries, and where the page ends; None if it is the last one.
    """
    found: list[tuple[Source, Item]] = []
    for source in sources(person):
        if source.kind.personal.show is None or source[:2] < start[:2]:
            continue
        after = start.position if source[:2] == start[:2] else ""
        found += [(source, item) for item in source.read(after, limit + 1 - len(found))]
        if len(found) > limit:
            last, item = found[limit - 1]
            return _entries(found[:limit], person), Place(last.name, last.number, last.position(item))
    return _entries(found, person), None


def read_all(person: Person) -> Iterator[dict[str, Any]]:
    """Read everything that names a person."""
    place: Place | None = START
    while place:
        entries, place = read_page(person, place, 100)
        yield from entries


def _entries(found: list[tuple[Source, Item]], person: Person) -> list[dict[str, Any]]:
    return [
        {"kind": source.name, "item": _as_json(source.kind.personal.show(item, person))}
        for source, item in found
        if source.kind.personal.show and not is_expired(item)
    ]


def _as_json(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, dict):
        return {name: _as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(each) for each in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
