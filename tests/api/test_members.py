"""Memberships: adding, listing, removing, and the last leader."""

from typing import Any

import pytest

from chalicelib.teams.models import Team
from chalicelib.users.models import User
from tests.acting import add_member, create_team
from tests.http import Answer, Client
from tests.support import NOBODY, MakeUser, TokenFor, stored


@pytest.fixture
def team(user: User) -> Team:
    """A team that the user leads."""
    return create_team("Engines", user.id, user.username)


@pytest.fixture
def ada(make_user: MakeUser) -> User:
    """Somebody who is no member yet."""
    return make_user("ada")


class Members:
    """Calls the members of a team, as its leader unless told otherwise."""

    def __init__(self, api: Client, token_for: TokenFor, team: Team, leader: User) -> None:
        self.api = api
        self.token_for = token_for
        self.leader = leader
        self.path = f"/api/v1/teams/{team.id}/members"

    def add(self, user_id: Any, *, caller: User | None = None, **more: Any) -> Answer:
        """Add a member."""
        token = self.token_for(caller or self.leader)
        return self.api("POST", self.path, token=token, data={"user_id": user_id, **more})

    def remove(self, user_id: str, *, caller: User | None = None) -> Answer:
        """Remove a member."""
        return self.api("DELETE", f"{self.path}/{user_id}", token=self.token_for(caller or self.leader))

    def list(self, *, caller: User | None = None) -> Answer:
        """List the members."""
        return self.api("GET", self.path, token=self.token_for(caller or self.leader))


@pytest.fixture
def members(api: Client, token_for: TokenFor, team: Team, user: User) -> Members:
    """Call the members."""
    return Members(api, token_for, team, user)


@pytest.mark.parametrize(
    ("more", "leads"), [({}, False), ({"is_leader": False}, False), ({"is_leader": True}, True)]
)
def test_a_new_member_is_shown(
    members: Members, team: Team, ada: User, more: dict[str, Any], leads: bool
) -> None:
    """201 with team, user and is_leader, which is false unless told otherwise."""
    answer = members.add(ada.id, **more)
    expected = {
        "team": {"id": team.id, "title": "Engines"},
        "user": {"id": ada.id, "username": "ada"},
        "is_leader": leads,
    }
    assert (answer.status, answer.json, expected in members.list().json) == (201, expected, True)


def test_an_account_without_write_access_joins_but_does_not_lead(
    members: Members, make_user: MakeUser
) -> None:
    """A leader without write access could not lead, and as the last one could not leave either."""
    reader = make_user("reader", is_regular_user=False)
    refused = members.add(reader.id, is_leader=True)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/is_leader")
    assert members.add(reader.id).status == 201
    assert members.remove(reader.id, caller=reader).status == 204


def test_a_form_works_like_json(members: Members, ada: User) -> None:
    """Bodies of resource POSTs are JSON or form-encoded."""
    form = {"user_id": ada.id, "is_leader": "true"}
    answer = members.api("POST", members.path, token=members.token_for(members.leader), form=form)
    assert (answer.status, answer.json["is_leader"]) == (201, True)


def test_an_unknown_user_is_404(members: Members) -> None:
    """An id that names nobody is 404; nothing is written."""
    before = stored()
    assert (members.add(NOBODY).status, stored()) == (404, before)


@pytest.mark.parametrize("user_id", ["", "ada", NOBODY.lower(), "#", None, 5, ["x"], {"a": 1}, "Z" * 26])
def test_what_can_be_no_id_is_422(members: Members, user_id: Any) -> None:
    """A body against its schema is 422."""
    assert members.add(user_id).status == 422


@pytest.mark.parametrize("value", [1, 0, "yes", None, [], 1.0])
def test_is_leader_is_true_or_false(members: Members, ada: User, value: Any) -> None:
    """What merely looks like a boolean is 422."""
    assert members.add(ada.id, is_leader=value).status == 422


@pytest.mark.parametrize("body", [{}, {"is_leader": True}, {"user_id": NOBODY, "team_id": NOBODY}])
def test_missing_and_unknown_fields_are_422(members: Members, body: dict[str, Any]) -> None:
    """user_id is needed, and nothing else is known but is_leader."""
    answer = members.api("POST", members.path, token=members.token_for(members.leader), data=body)
    assert answer.status == 422


@pytest.mark.parametrize("leads", [True, False])
def test_a_member_is_not_added_twice(members: Members, ada: User, leads: bool) -> None:
    """Already a member is 409; the counts and the role stay."""
    members.add(ada.id)
    before = stored()
    assert (members.add(ada.id, is_leader=leads).status, stored()) == (409, before)


def test_a_removed_member_is_gone(members: Members, ada: User) -> None:
    """204; access ends with it, and the count follows."""
    members.add(ada.id)
    assert members.remove(ada.id).status == 204
    listed = members.list()
    assert (members.list(caller=ada).status, listed.headers["x-total-count"], len(listed.json)) == (
        403,
        "1",
        1,
    )


def test_who_was_removed_may_come_back(members: Members, ada: User) -> None:
    """An old membership does not prevent a new one."""
    members.add(ada.id, is_leader=True)
    members.remove(ada.id)
    assert (members.add(ada.id).status, members.list().headers["x-total-count"]) == (201, "2")


@pytest.mark.parametrize("user_id", [NOBODY, "nobody"])
def test_who_is_no_member_cannot_be_removed(members: Members, user_id: str) -> None:
    """Unknown ids are 404."""
    assert members.remove(user_id).status == 404


def test_the_last_leader_stays(members: Members, user: User, ada: User) -> None:
    """Behaviour 40: 409, and nothing is written, also when there are other members."""
    members.add(ada.id)
    before = stored()
    assert (members.remove(user.id).status, stored()) == (409, before)


def test_not_even_an_admin_removes_the_last_leader(members: Members, user: User, admin: User) -> None:
    """Behaviour 40: the rule holds whoever the caller is."""
    assert members.remove(user.id, caller=admin).status == 409


def test_one_of_two_leaders_may_go(members: Members, user: User, ada: User) -> None:
    """Behaviour 40: then the other is the last one."""
    members.add(ada.id, is_leader=True)
    statuses = [members.remove(user.id).status, members.remove(ada.id, caller=ada).status]
    assert statuses == [204, 409]


@pytest.mark.parametrize("is_regular_user", [True, False])
@pytest.mark.parametrize("is_leader", [True, False])
def test_members_leave_by_themselves(
    *, members: Members, team: Team, make_user: MakeUser, is_leader: bool, is_regular_user: bool
) -> None:
    """Leaving only reduces the caller's own rights, so it needs no write access."""
    leaver = make_user("leaver", is_regular_user=is_regular_user)
    add_member(team, leaver, is_leader=is_leader)
    statuses = [members.remove(leaver.id, caller=leaver).status for _ in range(2)]
    assert (statuses, members.list(caller=leaver).status) == ([204, 404], 403)


def test_leaving_removes_nobody_else(members: Members, team: Team, ada: User, user: User) -> None:
    """A member who may leave may not remove others, nor does the last leader leave."""
    add_member(team, ada, is_leader=False)
    statuses = [members.remove(user.id, caller=ada).status, members.remove(user.id).status]
    assert statuses == [403, 409]


@pytest.mark.parametrize("role", ["member", "outsider", "admin", "readonly leader", "readonly admin"])
def test_who_changes_memberships(
    members: Members, team: Team, make_user: MakeUser, ada: User, role: str
) -> None:
    """(leader or admin) with write access, for adding and for removing."""
    roles = {"is_admin": role.endswith("admin"), "is_regular_user": not role.startswith("readonly")}
    caller, other = make_user("caller", **roles), make_user("other")
    add_member(team, other, is_leader=False)
    if role in {"member", "readonly leader"}:
        add_member(team, caller, is_leader=role == "readonly leader")
    statuses = [members.add(ada.id, caller=caller).status, members.remove(other.id, caller=caller).status]
    assert statuses == ([201, 204] if role == "admin" else [403, 403])


@pytest.mark.parametrize("role", ["member", "admin", "outsider"])
def test_who_lists_members(members: Members, team: Team, admin: User, ada: User, role: str) -> None:
    """Members and admins."""
    if role == "member":
        add_member(team, ada, is_leader=False)
    answer = members.list(caller=admin if role == "admin" else ada)
    assert answer.status == (403 if role == "outsider" else 200)


def test_members_are_listed_in_the_order_of_their_ids(
    members: Members, user: User, make_user: MakeUser
) -> None:
    """Lists are ordered by id."""
    others = [make_user(f"user{number}").id for number in range(4)]
    for user_id in reversed(others):
        members.add(user_id)
    assert [found["user"]["id"] for found in members.list().json] == sorted([user.id, *others])


def test_a_membership_changes_the_etag_of_its_team(
    *, api: Client, members: Members, team: Team, user: User, ada: User, token_for: TokenFor
) -> None:
    """A team shows its members, so another membership is another representation."""
    etags = [api("GET", f"/api/v1/teams/{team.id}", token=token_for(user)).headers["etag"]]
    for change in (members.add, members.remove):
        change(ada.id)
        etags.append(api("GET", f"/api/v1/teams/{team.id}", token=token_for(user)).headers["etag"])
    assert len(set(etags)) == len(etags)


def test_members_of_an_unknown_team_are_404(api: Client, admin: User, ada: User, token_for: TokenFor) -> None:
    """Unknown ids are 404, on every method."""
    path, token = f"/api/v1/teams/{NOBODY}/members", token_for(admin)
    statuses = [
        api("GET", path, token=token).status,
        api("POST", path, token=token, data={"user_id": ada.id}).status,
        api("DELETE", f"{path}/{ada.id}", token=token).status,
    ]
    assert statuses == [404, 404, 404]
