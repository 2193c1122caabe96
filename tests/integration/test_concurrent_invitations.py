"""Invitations and erasures: requests that race each other over HTTP on AWS's DynamoDB Local."""

from functools import partial

import pytest

import app as application
from chalicelib.security.links import token_of
from chalicelib.teams.models import Team
from chalicelib.users.models import User
from tests.acting import add_member, create_team
from tests.conftest import PASSWORD
from tests.http import Client
from tests.integration.crowd import FEW, at_once, rounds, statuses
from tests.support import MakeUser, TokenFor, items_naming

pytestmark = pytest.mark.integration


def open_link(api: Client, token: str, team: Team) -> str:
    """Invite ada, and return what opens the link."""
    path, data = f"/api/v1/teams/{team.id}/invitations", {"email": "ada@test.example"}
    made = api("POST", path, token=token, data=data).json
    return token_of(application.api.keystore.keyring(), made["id"])


@pytest.mark.parametrize("number", rounds(20))
@pytest.mark.parametrize("answers", [("accept",), ("accept", "decline")], ids="-".join)
def test_a_link_is_good_for_one_of_50_concurrent_uses(
    *,
    number: int,
    answers: tuple[str, ...],
    api: Client,
    user: User,
    make_user: MakeUser,
    token_for: TokenFor,
) -> None:
    """One 204, and the rest 410; a member or none, and the count says the same."""
    ada, team = make_user("ada"), create_team("Engines", user.id, "user")
    link = open_link(api, token_for(user), team)
    bodies = [{"token": link, "decision": answers[each % len(answers)]} for each in range(50)]
    found = at_once(partial(api, "POST", "/api/v1/account/invitation", data=body) for body in bodies)
    assert statuses(found) == {204: 1, 410: 49}
    members = len([item for item in items_naming(ada.id) if item["kind"]["S"] == "member"])
    assert Team.get(*team.key).member_count == 1 + members
    assert members == 1 or "decline" in answers


@pytest.mark.parametrize("number", FEW)
def test_of_two_last_leaders_who_are_erased_at_once_one_stays(
    number: int, api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Behaviour 40: a team keeps a leader."""
    other = make_user("other")
    team = create_team("Engines", user.id, "user")
    add_member(team, other, is_leader=True)
    calls = [
        partial(
            api,
            "DELETE",
            f"/api/v1/users/{each.id}",
            token=token_for(each),
            data={"current_password": PASSWORD},
        )
        for each in (user, other)
    ]
    assert statuses(at_once(calls)) == {204: 1, 409: 1}
    assert Team.get(*team.key).leader_count == 1
