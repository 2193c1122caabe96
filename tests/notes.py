"""A kind of item that refers to teams, which is known only while a test uses it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest
from pynamodb.attributes import UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.relations import Index, Reference
from chalicelib.db.table import Item
from chalicelib.teams.models import Team
from tests.items import put

NOTES = "NOTES"


def key_of(note_id: str) -> Key:
    """Key of a note."""
    return Key(f"NOTE#{note_id}", "NOTE")


@contextmanager
def notes(when_deleted: Literal["refuse", "cascade"]) -> Iterator[type[Any]]:
    """Declare notes, which refer to one or two teams."""

    class Note(Item, discriminator="note"):
        """A note about teams."""

        personal = NOT_PERSONAL
        references = tuple(
            Reference(attribute=name, listing=NOTES, key=keys.team, when_deleted=when_deleted)
            for name in ("team_id", "other_id")
        )
        indexes = (Index("team_id"), Index("other_id"))

        id = UnicodeAttribute()
        team_id = UnicodeAttribute(null=True)
        other_id = UnicodeAttribute(null=True)

        def listed(self) -> tuple[str, str]:
            return NOTES, self.id

    registry: Any = Item.kind
    try:
        yield Note
    finally:
        del registry._class_map[Note], registry._discriminator_map["note"]


@pytest.fixture
def keeping() -> Iterator[type[Any]]:
    """Notes that keep their teams."""
    with notes("refuse") as kind:
        yield kind


@pytest.fixture
def going() -> Iterator[type[Any]]:
    """Notes that go with their teams."""
    with notes("cascade") as kind:
        yield kind


def write(kind: type[Any], **references: str | None) -> Any:
    """Write a note."""
    note_id = keys.new_id()
    return put(kind.at(key_of(note_id), id=note_id, **references))


def written_team() -> Team:
    """A team in the table."""
    team_id = keys.new_id()
    return put(Team.at(keys.team(team_id), id=team_id, title="Engines"))
