"""The audit trail of teams: who made, changed and deleted them, and who is in them by whose doing."""

from typing import Any

import pytest

from chalicelib.teams.models import Team
from chalicelib.users.models import User
from tests.acting import add_member, create_team
from tests.api import audit_tools
from tests.api.audit_tools import Trail
from tests.api.oauth_tools import database_down
from tests.http import Answer, Client
from tests.support import NOBODY, MakeUser, TokenFor, replace

TEAMS = "/api/v1/teams"
trail = audit_tools.trail  # a fixture
Told = tuple[str, str | None, dict[str, Any]]


@pytest.fixture
def team(user: User) -> Team:
    """A team that the user leads."""
    return create_team("Engines", user.id, user.username)


class Caller:
    """Calls a team as one user."""

    def __init__(self, api: Client, token: str, team: Team) -> None:
        self.api = api
        self.token = token
        self.path = f"{TEAMS}/{team.id}"

    def __call__(self, method: str, path: str = "", data: Any = None) -> Answer:
        """Send a request."""
        return self.api(method, self.path + path, token=self.token, data=data)


@pytest.fixture
def leader(api: Client, user: User, team: Team, token_for: TokenFor) -> Caller:
    """Call the team as its leader."""
    return Caller(api, token_for(user), team)


def told(event: dict[str, Any]) -> Told:
    """What happened, to whom, and the details beside the team."""
    assert (event["outcome"], event["client_id"]) == ("success", "documentation")
    return event["event"], event["user_id"], {k: v for k, v in event["details"].items() if k != "team"}


def test_the_life_of_a_team_is_told(api: Client, user: User, token_for: TokenFor, trail: Trail) -> None:
    """Created with its first leader, renamed, deleted: each names the team, and is its leader's doing."""
    token = token_for(user)
    team_id = api("POST", TEAMS, token=token, data={"title": "Engines"}).json["id"]
    path = f"{TEAMS}/{team_id}"
    for title in ("Looms", "Looms"):  # what changes nothing is no event
        api("PATCH", path, token=token, data=[replace("/title", title)])
    api("DELETE", path, token=token)
    events = trail(user_id=user.id)[::-1]
    assert [told(event) for event in events] == [
        ("team_creation", user.id, {"is_leader": True}),
        ("team_change", None, {"fields": ["title"]}),
        ("team_deletion", None, {}),
    ]
    assert {(event["actor_id"], event["details"]["team"]) for event in events} == {(user.id, team_id)}


@pytest.mark.parametrize("is_leader", [True, False])
def test_memberships_are_told(
    *, user: User, team: Team, make_user: MakeUser, leader: Caller, trail: Trail, is_leader: bool
) -> None:
    """Added and removed, as a leader or not: in the listings of both accounts, in that of all once."""
    ada = make_user("ada")
    leader("POST", "/members", {"user_id": ada.id, "is_leader": is_leader})
    leader("DELETE", f"/members/{ada.id}")
    everything = trail()
    assert everything == trail(user_id=user.id) == trail(user_id=ada.id)
    assert [told(event) for event in everything] == [
        ("member_removal", ada.id, {"is_leader": is_leader}),
        ("member_addition", ada.id, {"is_leader": is_leader}),
    ]
    assert {event["actor_id"] for event in everything} == {user.id}
    assert {event["details"]["team"] for event in everything} == {team.id}


def test_leaving_is_told(
    *, api: Client, team: Team, make_user: MakeUser, token_for: TokenFor, trail: Trail
) -> None:
    """Who leaves did it by themselves."""
    ada = make_user("ada")
    add_member(team, ada, is_leader=False)
    Caller(api, token_for(ada), team)("DELETE", f"/members/{ada.id}")
    (event,) = trail()
    assert (told(event), event["actor_id"]) == (("member_removal", ada.id, {"is_leader": False}), ada.id)


def test_what_an_admin_does_to_a_team_is_told(
    api: Client, admin: User, team: Team, token_for: TokenFor, trail: Trail
) -> None:
    """Admins change teams that they are not in."""
    caller = Caller(api, token_for(admin), team)
    caller("PATCH", data=[replace("/title", "Looms")])
    caller("DELETE")
    assert [(event["event"], event["actor_id"]) for event in trail()] == [
        ("team_deletion", admin.id),
        ("team_change", admin.id),
    ]


def test_what_is_refused_is_no_event(
    *, user: User, team: Team, make_user: MakeUser, leader: Caller, trail: Trail
) -> None:
    """An event is written in the transaction that it records, or not at all."""
    ada = make_user("ada")
    add_member(team, ada, is_leader=False)
    answers = [
        leader("PATCH", data=[replace("/title", "x")]),
        leader("POST", "/members", {"user_id": ada.id}),
        leader("POST", "/members", {"user_id": NOBODY}),
        leader("DELETE", f"/members/{NOBODY}"),
        leader("DELETE", f"/members/{user.id}"),
    ]
    with database_down():
        answers.append(leader("DELETE"))
    found = [answer.status for answer in answers]
    assert (found, trail()) == ([422, 409, 404, 404, 409, 503], [])
