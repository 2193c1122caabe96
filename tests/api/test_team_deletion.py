"""Deleting teams of any size: access ends first, the rest is removed even after interruptions."""

import math

import pytest

from chalicelib.db import keys
from chalicelib.db.table import BATCH_WRITE_LIMIT, get_many
from chalicelib.teams.actions import clean_up
from chalicelib.teams.models import Cleanup, Member, Team, new_member
from chalicelib.users.models import User
from tests.acting import create_team
from tests.faults import Forward, Killed, Sent, Wired, altered, killed_before_write, wire
from tests.http import Client
from tests.support import MakeUser, TokenFor, left_of

pytestmark = pytest.mark.in_process("cleans up in this process, while a server does so by itself")

MEMBERS = 60
BATCHES = math.ceil(MEMBERS / BATCH_WRITE_LIMIT)


def big_team(leader: User, amount: int = MEMBERS, member: User | None = None) -> Team:
    """Make a team with so many memberships straight in the table."""
    team = create_team("Engines", leader.id, leader.username)
    ids = [keys.new_id() for _ in range(amount - 1 - bool(member))] + ([member.id] if member else [])
    with Member.batch_write() as batch:
        for number, user_id in enumerate(ids):
            batch.save(new_member(team.id, user_id, f"member{number}", is_leader=False))
    return team


@pytest.fixture
def member(make_user: MakeUser) -> User:
    """Somebody in the team who does not lead it."""
    return make_user("member")


def statuses(api: Client, token: str, team: Team) -> list[int]:
    """Try everything that leads into a team."""
    path = f"/api/v1/teams/{team.id}"
    return [api("GET", place, token=token).status for place in (path, f"{path}/members")]


@pytest.mark.parametrize("writes", range(BATCHES + 2))
def test_killed_after_any_write_access_is_gone_and_a_rerun_converges(
    api: Client, user: User, member: User, token_for: TokenFor, writes: int
) -> None:
    """Behaviour 63: a stop at any write leaves nothing reachable; then zero items of the team remain."""
    team, token = big_team(user, member=member), token_for(user)
    seen: list[int] = []
    with wire(killed_before_write(writes)):
        try:
            seen.append(api("DELETE", f"/api/v1/teams/{team.id}", token=token).status)
            clean_up()
        except Killed:
            seen.append(0)
    stopped_at = 0 if writes == 0 else 204
    reachable = {status for who in (user, member) for status in statuses(api, token_for(who), team)}
    if writes == 0:
        api("DELETE", f"/api/v1/teams/{team.id}", token=token)
    clean_up()
    assert (seen[0], reachable, left_of(team.id)) == (stopped_at, {404} if writes else {200}, [])


def test_every_write_of_a_deletion_was_killed_once(api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 63: the test above stops before each write that there is, and once before none."""
    team = big_team(user)
    with wire() as sent:
        api("DELETE", f"/api/v1/teams/{team.id}", token=token_for(user))
        clean_up()
    writes = [call.operation for call in sent if "Write" in call.operation]
    assert writes == ["TransactWriteItems"] + ["BatchWriteItem"] * (BATCHES + 1)


@pytest.mark.parametrize("amount", [1, 25, 26, 1000])
def test_a_team_of_any_size_goes_whole(api: Client, user: User, token_for: TokenFor, amount: int) -> None:
    """DELETE removes the members, too, whatever their number."""
    team = big_team(user, amount)
    assert api("DELETE", f"/api/v1/teams/{team.id}", token=token_for(user)).status == 204
    assert (clean_up(), left_of(team.id)) == (amount, [])


def test_the_request_itself_costs_the_same_for_any_size(api: Client, user: User, token_for: TokenFor) -> None:
    """A DELETE is two round trips, however many members go."""
    costs = []
    for amount in (1, 150):
        team = big_team(user, amount)
        with wire() as sent:
            api("DELETE", f"/api/v1/teams/{team.id}", token=token_for(user))
        costs.append([call.operation for call in sent])
    assert costs == [["BatchGetItem", "TransactWriteItems"]] * 2


def test_other_teams_are_left_alone(api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 63: cleaning up takes what was deleted, and nothing else."""
    gone, kept = big_team(user), big_team(user)
    before = left_of(kept.id)
    api("DELETE", f"/api/v1/teams/{gone.id}", token=token_for(user))
    clean_up()
    assert left_of(kept.id) == before


def test_cleaning_up_twice_does_no_harm(api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 63: the second run finds nothing to do."""
    team = big_team(user)
    api("DELETE", f"/api/v1/teams/{team.id}", token=token_for(user))
    assert [clean_up(), clean_up()] == [MEMBERS, 0]


def test_several_deleted_teams_all_go(api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 63: one run cleans up everything that was deleted in the meantime."""
    teams = [big_team(user, 30) for _ in range(3)]
    for team in teams:
        api("DELETE", f"/api/v1/teams/{team.id}", token=token_for(user))
    clean_up()
    assert [left_of(team.id) for team in teams] == [[], [], []]


def leave_unprocessed(sent: Sent, answer: dict[str, object]) -> None:
    """Pretend that DynamoDB left a whole batch undone."""
    answer["UnprocessedItems"] = sent.body["RequestItems"]


def test_what_dynamodb_left_undone_is_repeated(
    api: Client, user: User, token_for: TokenFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behaviour 60: UnprocessedItems are written again."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    team = big_team(user, 5)
    api("DELETE", f"/api/v1/teams/{team.id}", token=token_for(user))
    with wire(altered(2, "BatchWriteItem", leave_unprocessed)) as sent:
        clean_up()
    batches = [call.body["RequestItems"] for call in sent if call.operation == "BatchWriteItem"]
    assert (batches[0], batches[1]) == (batches[1], batches[2])
    assert left_of(team.id) == []


def test_a_member_added_while_its_team_goes_is_not_left_behind(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Behaviour 63: adding to a team that was deleted in the same moment is 404 and writes nothing."""
    team, ada = big_team(user, 2), make_user("ada")
    path, token = f"/api/v1/teams/{team.id}", token_for(user)
    done: list[int] = []

    def rule(sent: Sent, forward: Forward) -> Wired:
        if sent.operation == "TransactWriteItems" and not done:
            done.append(0)
            done.append(api("DELETE", path, token=token).status)
            clean_up()
        return forward()

    with wire(rule):
        answer = api("POST", f"{path}/members", token=token, data={"user_id": ada.id})
    assert (done, answer.status, left_of(team.id)) == ([0, 204], 404, [])


def test_a_note_removes_nobody_from_a_team_that_is_there(user: User) -> None:
    """An export that was made during the deletion may have both: the note goes."""
    team = create_team("Engines", user.id, user.username)
    note = Cleanup.at(keys.cleanup(team.id), team_id=team.id)
    note.save()
    membership = keys.member(team.id, user.id)
    assert (clean_up(), set(get_many([membership, note.key]))) == (0, {membership})
