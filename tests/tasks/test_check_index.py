"""`invoke db.check` on index entries, and on what marks values of kinds that are gone."""

import re
from collections.abc import Callable

import pytest

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.unique import UniqueName
from chalicelib.teams.models import Team
from chalicelib.users.models import User
from tasks.data.check import check
from tests.acting import create_team
from tests.http import Client
from tests.support import TokenFor, dump_table
from tests.tasks.check_tools import GHOST, changed, copied, deleted

GONE = keys.index_entry(*keys.team(GHOST), "title")


@pytest.fixture
def team(user: User) -> Team:
    """A team in a sound table."""
    return create_team("Engines", user.id, user.username)


def entry(team: Team, attribute: str = "title") -> Key:
    """The key of what finds a team."""
    return keys.index_entry(*team.key, attribute)


MENDED: dict[str, tuple[Callable[[Team], object], str]] = {
    "an entry is missing": (
        lambda team: deleted(entry(team)),
        r"TEAM#\w+ TEAM: is not found by its title. --fix writes",
    ),
    "an entry has another value": (
        lambda team: changed(entry(team), "gsi1sk", {"S": "looms"}),
        r"TEAM#\w+ TEAM: is not found by its title. --fix writes",
    ),
    "an entry is in no index": (
        lambda team: changed(entry(team), "gsi1pk", None),
        r"TEAM#\w+ TEAM: is not found by its title. --fix writes",
    ),
    "an entry of nothing": (
        lambda team: copied(entry(team), GONE),
        r"TEAM#01ARZ\w+ INDEX#TEAM#title: what it finds is gone. --fix removes",
    ),
    "an entry of an attribute that has no index": (
        lambda team: copied(entry(team), entry(team, "motto")),
        r"INDEX#TEAM#motto: finds an item by a motto that it does not have. --fix removes",
    ),
}


@pytest.mark.parametrize("name", MENDED)
def test_damage_is_found_and_mended(
    api: Client, team: Team, user: User, token_for: TokenFor, name: str
) -> None:
    """Reported in one line and repaired by --fix; afterwards the team is found, and by its title only."""
    plant, line = MENDED[name]
    plant(team)
    damaged, said = dump_table(), list[str]()
    assert check(say=said.append) is False
    assert (len(said), bool(re.search(line, said[0])), dump_table() == damaged) == (2, True, True)
    assert check(fix=True, say=said.append) is True
    assert said[-1].endswith("items: no findings.")
    found = [
        api("GET", f"/api/v1/teams?title={title}", token=token_for(user)).json for title in ("eng", "loo")
    ]
    assert [len(each) for each in found] == [1, 0]


def test_what_finds_an_item_that_cannot_be_read_stays(team: Team) -> None:
    """Newer code may know by what it is found."""
    changed(team.key, "schema", {"N": "9"})
    before, said = dump_table(), list[str]()
    assert check(fix=True, say=said.append) is False
    assert ["INDEX#" in line for line in said] == [False, False, False]
    assert dump_table() == before


def test_a_marker_of_an_unknown_kind_is_left_alone(table: None) -> None:
    """Its code may have been taken out, or rolled back: its items are left alone, too."""
    UniqueName.at(keys.unique_value("sprocket", "serial", "A-1"), item_id=GHOST, item_kind="sprocket").save()
    said: list[str] = []
    assert (check(fix=True, say=said.append), said) == (True, ["1 items: no findings."])
