"""`invoke db.check` on references: what leads to nothing, and counts of what refers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.db import keys
from chalicelib.db.companions import Cascade
from chalicelib.db.table import Item, get_many, now
from chalicelib.teams.models import Team
from tasks.data import items, table
from tasks.data.check import check
from tasks.data.counts import Counts
from tests.items import change, delete
from tests.notes import notes, write, written_team
from tests.support import dump_table

pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], type[Any]]]:
    """Declare notes that refer to teams, among the kinds that the check knows."""
    with ExitStack() as stack:

        def known(when_deleted: Any) -> type[Any]:
            kind = stack.enter_context(notes(when_deleted))
            kinds = {**items.known_kinds(), "note": kind}
            monkeypatch.setattr(items, "known_kinds", lambda: kinds)
            return kind

        yield known


@pytest.fixture
def keeping(declare: Callable[[Any], type[Any]]) -> type[Any]:
    """Notes that keep their teams."""
    return declare("refuse")


@pytest.fixture
def going(declare: Callable[[Any], type[Any]]) -> type[Any]:
    """Notes that go with their teams."""
    return declare("cascade")


def said(*, fix: bool = False) -> list[str]:
    """What the check says of notes, teams and what refers to them."""
    lines: list[str] = []
    check(fix=fix, say=lines.append)
    kept = ("counter", "COUNTER", "nobody leads", "leaders, but", "items:")
    return [line for line in lines if not any(word in line for word in kept)]


def test_sound_references_are_left_alone(keeping: type[Any]) -> None:
    """Items that exist, and counts that fit, are no findings."""
    write(keeping, team_id=written_team().id)
    assert said() == []


def test_what_a_cascade_will_delete_is_left_alone(going: type[Any]) -> None:
    """It refers to nothing, but there is a note of it."""
    team = written_team()
    write(going, team_id=team.id)
    delete(team)
    assert said() == []


def lost(kind: type[Any]) -> Any:
    """A note whose team is gone without a trace."""
    team = written_team()
    note = write(kind, team_id=team.id)
    Item.shared_connection().delete_item(team.pk, team.sk)
    return note


def test_what_goes_with_others_is_removed(going: type[Any]) -> None:
    """If a restore, say, has brought it back without them."""
    note = lost(going)
    assert f"{note.pk} NOTE: its team_id refers to nothing. Fixed: removes it." in said(fix=True)
    assert get_many([note.key]) == {}


def test_another_reference_to_nothing_is_left_to_a_person(keeping: type[Any]) -> None:
    """It may be wrong, or what it leads to may be in a backup."""
    note = lost(keeping)
    left = "Not for --fix: change or delete it as an admin."
    assert f"{note.pk} NOTE: its team_id refers to nothing. {left}" in said(fix=True)
    assert note.key in get_many([note.key])


@pytest.mark.parametrize("stated", [0, 5])
def test_a_wrong_count_is_corrected(keeping: type[Any], stated: int) -> None:
    """What refers to an item is counted again."""
    team = written_team()
    write(keeping, team_id=team.id)
    team.update([Team.referrers.set(stated)], add_version_condition=False)
    assert said(fix=True)[0].endswith(
        f"says that {stated} others refer to it, but there are 1. Fixed: corrects it."
    )
    assert (int(get_many([team.key])[team.key].referrers), said()) == (1, [])


def test_a_count_is_not_corrected_while_references_come_and_go(
    keeping: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One goes before the Scan has seen it, and one comes behind it: the count is as before, and right."""
    team = written_team()
    note, pages = write(keeping, team_id=team.id), table.pages

    def meanwhile(**arguments: Any) -> Iterator[dict[str, Any]]:
        change(note, team_id=None)
        seen = list(pages(**arguments))
        write(keeping, team_id=team.id)
        return iter(seen)

    monkeypatch.setattr(table, "pages", meanwhile)
    counts = Counts()
    counts.referred[team.key] = 9  # as a pass may see it
    assert list(counts.findings()) == []


def test_a_cascade_that_got_stuck_is_finished(going: type[Any]) -> None:
    """Where the clean-up does not run, the check says so, and --fix runs it."""
    team = written_team()
    write(going, team_id=team.id)
    delete(team)
    for attribute in ("team_id", "other_id"):
        note = Cascade.get(*keys.cascade("note", attribute, team.id))
        note.update([Cascade.created.set(now() - timedelta(hours=2))])
    assert any("does clean_up run?" in line for line in said(fix=True))
    assert [item["sk"]["S"] for item in dump_table() if "note" in item["sk"]["S"].lower()] == []
