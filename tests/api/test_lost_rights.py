"""Rights that end between a request's reads and its write: the write is refused."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from chalicelib.db import keys
from chalicelib.db.table import query
from chalicelib.teams.models import Member, Team
from chalicelib.users.models import User
from tests.acting import add_member, create_team
from tests.api.oauth_tools import at_call
from tests.http import Answer, Client
from tests.support import MakeUser, TokenFor, dump_table, replace


def members_of(team: Team) -> list[Member]:
    """The memberships of a team."""
    return query(Member, team.pk, prefix=keys.MEMBERS)


WRITES: dict[str, tuple[str, str, Any]] = {
    "rename": ("PATCH", "", [replace("/title", "Taken over")]),
    "delete": ("DELETE", "", None),
    "add": ("POST", "/members", "other"),
    "remove": ("DELETE", "/members/{member}", None),
}
ENDS: dict[str, Callable[[Member], object]] = {
    "removed": lambda membership: membership.delete(),
    "demoted": lambda membership: membership.update([Member.is_leader.set(False)]),
}


@pytest.fixture
def team(make_user: MakeUser, user: User) -> Team:
    """A team with another leader beside the user."""
    founder = make_user("founder")
    team = create_team("Engines", founder.id, "founder")
    add_member(team, user, is_leader=True)
    return team


@pytest.fixture
def leader(api: Client, user: User, token_for: TokenFor) -> partial[Answer]:
    """Call as the user."""
    return partial(api, token=token_for(user))


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("write", WRITES)
def test_a_leader_who_is_removed_at_that_very_moment_writes_nothing(
    write: str, end: str, make_user: MakeUser, team: Team, leader: partial[Answer]
) -> None:
    """Behaviour 38: the request is decided again, and refused."""
    member, other = make_user("member"), make_user("other")
    add_member(team, member, is_leader=False)
    (membership,) = [each for each in members_of(team) if each.username == "user"]
    method, path, data = WRITES[write]
    data = {"user_id": other.id} if data == "other" else data
    path = f"/api/v1/teams/{team.id}{path.format(member=member.id)}"
    left: list[list[dict[str, Any]]] = []

    def lose() -> None:
        ENDS[end](membership)
        left.append(dump_table())

    with at_call("TransactWriteItems", lose):
        answer = leader(method, path, data=data)
    assert answer.status == 403
    assert [item for item in dump_table() if item["kind"]["S"] != "tally"] == [
        item for item in left[0] if item["kind"]["S"] != "tally"
    ]


def test_a_leader_who_stays_is_asked_again_and_writes(
    api: Client, user: User, token_for: TokenFor, make_user: MakeUser
) -> None:
    """Behaviour 62: another version of the membership costs another look, and no refusal."""
    team = create_team("Engines", user.id, user.username)
    (membership,) = members_of(team)

    def touch() -> None:
        membership.update([Member.username.set(user.username)])

    with at_call("TransactWriteItems", touch):
        answer = api(
            "PATCH", f"/api/v1/teams/{team.id}", token=token_for(user), data=[replace("/title", "Looms")]
        )
    assert (answer.status, answer.json["title"]) == (200, "Looms")
