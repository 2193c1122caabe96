"""References: what is referred to exists, and is not deleted from under what refers to it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.db.clean_up import clean_up
from chalicelib.db.companions import cascades_of
from chalicelib.db.table import delete_many, get_many
from chalicelib.db.transaction import StaleError, Transaction
from chalicelib.errors import ConflictError, InvalidValueError
from chalicelib.teams.models import Team
from tests import notes as fixtures
from tests.items import change, delete
from tests.notes import key_of, notes, write, written_team
from tests.support import NOBODY, dump_table

pytestmark = pytest.mark.usefixtures("table")
keeping, going = fixtures.keeping, fixtures.going


def again(team: Team) -> Any:
    """A team as it stands in the table."""
    return get_many([team.key])[team.key]


@pytest.mark.parametrize("when_deleted", ["refuse", "cascade"])
def test_nothing_refers_to_nothing(when_deleted: Any) -> None:
    """Neither a new item nor a changed one, and the refusal points at the attribute; nothing is written."""
    with notes(when_deleted) as kind:
        note = write(kind, team_id=written_team().id)
        before = dump_table()
        with pytest.raises(InvalidValueError) as new:
            write(kind, team_id=NOBODY)
        with pytest.raises(InvalidValueError) as changed:
            change(note, other_id=NOBODY)
    pointers = [caught.value.errors[0]["pointer"] for caught in (new, changed)]
    assert (pointers, dump_table()) == (["/team_id", "/other_id"], before)


def test_what_is_referred_to_stays(keeping: type[Any]) -> None:
    """Its deletion is a conflict, and succeeds once nothing refers to it any more."""
    team = written_team()
    note, other = write(keeping, team_id=team.id), write(keeping, team_id=team.id, other_id=team.id)
    with pytest.raises(ConflictError, match=r"others refer to it \(3\)"):
        delete(again(team))
    delete(other)
    change(note, team_id=None)
    delete(again(team))
    assert get_many([team.key]) == {}


def test_a_reference_that_was_not_seen_keeps_it_too(keeping: type[Any]) -> None:
    """Whoever read it before it was referred to has to look again."""
    team = written_team()
    write(keeping, team_id=team.id)
    with pytest.raises(StaleError):
        delete(team)
    assert team.key in get_many([team.key])


def test_a_reference_is_moved(keeping: type[Any]) -> None:
    """The first one is free then, the second one is kept."""
    first, second = written_team(), written_team()
    note = write(keeping, team_id=first.id)
    change(note, team_id=second.id)
    delete(again(first))
    with pytest.raises(ConflictError):
        delete(again(second))


def test_an_item_shows_the_same_as_before_it_was_referred_to(keeping: type[Any]) -> None:
    """Neither its version nor its time of change is another one."""
    team = written_team()
    write(keeping, team_id=team.id)
    assert (again(team).version, again(team).updated) == (team.version, team.updated)


@pytest.mark.parametrize("when_deleted", ["refuse", "cascade"])
def test_what_is_referred_to_is_held_all_the_same(when_deleted: Any) -> None:
    """A permission looked at it: whoever refers to it writes nothing if it has changed since then."""
    team, work = written_team(), Transaction()
    with notes(when_deleted) as kind:
        work.put(kind.at(key_of("1"), id="1", team_id=team.id))
        work.hold(team)
        change(again(team), title="Looms")
        with pytest.raises(StaleError):
            work.commit()


def test_what_is_let_go_is_held_all_the_same(keeping: type[Any]) -> None:
    """A permission looked at it: were its count let go because it has changed, nothing would free it."""
    team, work = written_team(), Transaction()
    work.delete(write(keeping, team_id=team.id))
    work.hold(team)
    change(again(team), title="Looms")
    with pytest.raises(StaleError):
        work.commit()


@pytest.mark.parametrize("let_go", [lambda note: change(note, team_id=None), delete])
def test_what_refers_to_nothing_can_let_it_go(keeping: type[Any], let_go: Callable[[Any], None]) -> None:
    """Should it ever come to that: nothing counts the reference, and nothing is left where it led."""
    team = written_team()
    note = write(keeping, team_id=team.id)
    delete_many([team.key])
    let_go(note)
    assert [item["kind"]["S"] for item in dump_table() if item["pk"]["S"] == team.pk] == ["index_entry"]


def test_a_deletion_notes_what_goes_with_it(going: type[Any]) -> None:
    """One note for each attribute, in the same transaction; what is deleted is not referred to any more."""
    team = written_team()
    write(going, team_id=team.id)
    delete(team)
    noted = [item["attribute"]["S"] for item in dump_table() if item.get("referrer", {}).get("S") == "note"]
    assert (noted, get_many([team.key])) == (["other_id", "team_id"], {})
    with pytest.raises(InvalidValueError):
        write(going, team_id=team.id)


def test_a_note_takes_nothing_along_while_its_item_is_there(going: type[Any]) -> None:
    """An export that was made during the deletion may have both: the note goes."""
    team = written_team()
    note = write(going, team_id=team.id)
    noted = list(cascades_of(team))
    for each in noted:
        each.save()
    clean_up(timedelta(0))
    assert get_many([note.key, team.key, *(each.key for each in noted)]).keys() == {note.key, team.key}


def test_what_is_kept_holds_up_no_cascade(going: type[Any]) -> None:
    """Something refers to the first one and keeps it; the next one goes all the same."""
    found = []
    for _ in range(2):
        team = written_team()
        found.append(write(going, team_id=team.id))
        delete(team)
    kept, _ = found
    kept.update([going.referrers.set(1)])
    clean_up(timedelta(0))
    assert get_many(note.key for note in found).keys() == {kept.key}
