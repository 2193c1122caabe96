"""Deleting teams of any size on AWS's DynamoDB Local, interrupted wherever it can be."""

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.teams.actions import clean_up
from chalicelib.teams.models import Member, Team, new_member
from chalicelib.users.models import User
from tests.acting import create_team
from tests.faults import WRITES, Killed, killed_before_write, wire
from tests.http import Client, InProcess
from tests.support import TokenFor, left_of

pytestmark = pytest.mark.integration


@pytest.fixture
def api(table: None) -> Client:
    """A client in this very thread, which a kill can end."""
    return Client(InProcess(application.app))


def team_of(user: User, size: int) -> Team:
    """Make a team whose leader has many companions."""
    team = create_team("Engines", user.id, user.username)
    with Member.batch_write() as batch:
        for number in range(size - 1):
            batch.save(new_member(team.id, keys.new_id(), f"user{number}", is_leader=False))
    return team


def items_of(team: Team) -> list[str]:
    """The sort keys of all items with the team in their key, but index entries, which go with theirs."""
    found = [item for item in left_of(team.id) if item["kind"]["S"] != "index_entry"]
    return [item["sk"]["S"] for item in found if team.id in item["pk"]["S"] + item["sk"]["S"]]


def delete_and_clean_up(api: Client, token: str, team: Team) -> None:
    """Do all that a deletion takes."""
    api("DELETE", f"/api/v1/teams/{team.id}", token=token)
    clean_up()


def reachable(api: Client, token: str, team: Team) -> set[int]:
    """How the API answers to a former leader who asks for the team or its members."""
    paths = (f"/api/v1/teams/{team.id}", f"/api/v1/teams/{team.id}/members")
    return {api("GET", path, token=token).status for path in paths}


def test_a_team_of_1000_leaves_nothing(api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 63: a deleted team of 1,000 members is gone at once, and all of it after the clean-up."""
    team, token = team_of(user, 1000), token_for(user)
    assert len(items_of(team)) == 1001
    assert api("DELETE", f"/api/v1/teams/{team.id}", token=token).status == 204
    assert reachable(api, token, team) == {404}
    assert clean_up() == 1000
    assert items_of(team) == []


@pytest.mark.parametrize(("number", "left"), [(0, 61), (1, 61), (2, 36), (3, 11), (4, 1)])
def test_a_deletion_killed_at_any_write_converges(
    number: int, left: int, api: Client, user: User, token_for: TokenFor
) -> None:
    """Behaviour 63: killed before any write, access is gone with the first, and a rerun ends it."""
    team, token = team_of(user, 60), token_for(user)
    with wire(killed_before_write(number)) as sent, pytest.raises(Killed):
        delete_and_clean_up(api, token, team)
    assert len([request for request in sent if request.operation in WRITES]) == number + 1
    assert reachable(api, token, team) == ({404} if number else {200})
    assert len(items_of(team)) == left  # 60 members with the team, then with the note
    assert api("DELETE", f"/api/v1/teams/{team.id}", token=token).status == (404 if number else 204)
    clean_up()
    assert items_of(team) == []


def test_a_deletion_has_as_many_writes_as_are_killed_above(
    api: Client, user: User, token_for: TokenFor
) -> None:
    """Behaviour 63: one transaction, three batches of memberships and the note: no sixth write to kill."""
    team = team_of(user, 60)
    with wire(killed_before_write(5)) as sent:
        delete_and_clean_up(api, token_for(user), team)
    assert len([request for request in sent if request.operation in WRITES]) == 5


def test_the_clean_up_leaves_other_teams_alone(api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 63: members of a team that lives stay, those of several deleted ones go."""
    kept, *deleted = [team_of(user, 30) for _ in range(3)]
    for team in deleted:
        api("DELETE", f"/api/v1/teams/{team.id}", token=token_for(user))
    clean_up()
    assert [len(items_of(team)) for team in (kept, *deleted)] == [31, 0, 0]
