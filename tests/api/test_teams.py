"""Teams: creating, looking, listing, renaming, deleting."""

from typing import Any

import pytest

from chalicelib.teams.models import Team
from chalicelib.users.models import User
from tests.acting import add_member, create_team
from tests.http import Client
from tests.support import NOBODY, MakeUser, TokenFor, replace, stored
from tests.target import path_of

TEAMS = "/api/v1/teams"
E_ACUTE, E_WITH_ACUTE = "\u00e9", "e\u0301"  # the same letter in NFC and in NFD


@pytest.fixture
def team(user: User) -> Team:
    """A team that the user leads."""
    return create_team("Engines", user.id, user.username)


@pytest.mark.parametrize("kind", ["data", "form"])
def test_a_new_team_has_an_address(api: Client, user: User, token_for: TokenFor, kind: str) -> None:
    """201 + Location, from JSON and from a form."""
    token, sent = token_for(user), {kind: {"title": "Engines"}}
    answer = api("POST", TEAMS, token=token, **sent)  # type: ignore[arg-type]  # the name is data or form
    path = path_of(answer.headers["location"])
    assert (answer.status, api("GET", path, token=token).json["title"]) == (201, "Engines")


def test_whoever_creates_a_team_leads_it(api: Client, user: User, token_for: TokenFor) -> None:
    """The creator becomes leader, and is the only member."""
    token = token_for(user)
    team = api("POST", TEAMS, token=token, data={"title": "Engines"}).json
    members = api("GET", f"{TEAMS}/{team['id']}", token=token).json["members"]
    assert members == [{"user": {"id": user.id, "username": "user"}, "is_leader": True}]


@pytest.mark.parametrize("title", ["abc", "x" * 50, E_ACUTE * 50, E_WITH_ACUTE * 50, "\U0001f680" * 3])
def test_titles_within_the_limits(api: Client, user: User, token_for: TokenFor, title: str) -> None:
    """3 to 50 characters of NFC."""
    assert api("POST", TEAMS, token=token_for(user), data={"title": title}).status == 201


BAD_TITLES = [
    "",
    "ab",
    E_WITH_ACUTE * 2,
    "   ",
    "x" * 51,
    "a\x00bc",
    "a\r\nb: c",
    None,
    5,
    ["abc"],
    {"a": "b"},
]


@pytest.mark.parametrize("title", BAD_TITLES)
def test_titles_beyond_the_limits_are_422(api: Client, user: User, token_for: TokenFor, title: Any) -> None:
    """The problem points at the title; there is no team then."""
    token, before = token_for(user), stored()
    answer = api("POST", TEAMS, token=token, data={"title": title})
    assert (answer.status, answer.json["errors"][0]["pointer"], stored()) == (422, "/title", before)


@pytest.mark.parametrize("title", BAD_TITLES)
def test_a_team_keeps_its_title_rather_than_a_bad_one(
    api: Client, user: User, team: Team, token_for: TokenFor, title: Any
) -> None:
    """Behaviour 43: an invalid result is 422."""
    token, before = token_for(user), stored()
    answer = api("PATCH", f"{TEAMS}/{team.id}", token=token, data=[replace("/title", title)])
    assert (answer.status, stored()) == (422, before)


@pytest.mark.parametrize(
    "field", ["id", "version", "member_count", "leader_count", "created", "owner", "members"]
)
def test_what_the_server_owns_is_422(
    api: Client, user: User, team: Team, token_for: TokenFor, field: str
) -> None:
    """Behaviour 39: on creation and in a patch; nothing is written."""
    token, before = token_for(user), stored()
    created = api("POST", TEAMS, token=token, data={"title": "Looms", field: "1"})
    patched = api("PATCH", f"{TEAMS}/{team.id}", token=token, data=[replace(f"/{field}", "1")])
    assert (created.status, patched.status, stored()) == (422, 422, before)


def test_titles_are_kept_in_nfc(api: Client, user: User, token_for: TokenFor) -> None:
    """Title in NFC, when it is made and when it is changed."""
    token = token_for(user)
    team = api("POST", TEAMS, token=token, data={"title": f"caf{E_WITH_ACUTE}"}).json
    change = [replace("/title", f"th{E_WITH_ACUTE}")]
    patched = api("PATCH", f"{TEAMS}/{team['id']}", token=token, data=change).json
    assert (team["title"], patched["title"]) == (f"caf{E_ACUTE}", f"th{E_ACUTE}")


@pytest.mark.parametrize("role", ["user", "admin", "outsider"])
def test_who_sees_a_team(
    *, api: Client, user: User, admin: User, team: Team, make_user: MakeUser, token_for: TokenFor, role: str
) -> None:
    """Members and admins; outsiders of an existing team get 403."""
    caller = {"user": user, "admin": admin}.get(role) or make_user("outsider")
    status = 403 if role == "outsider" else 200
    assert api("GET", f"{TEAMS}/{team.id}", token=token_for(caller)).status == status


def test_a_team_shows_the_declared_fields_alone(
    api: Client, user: User, team: Team, token_for: TokenFor
) -> None:
    """Behaviour 41: id, title, members, created, updated."""
    shown = set(api("GET", f"{TEAMS}/{team.id}", token=token_for(user)).json)
    assert shown == {"id", "title", "members", "created", "updated"}


def test_the_list_shows_id_and_title_to_everybody(
    api: Client, team: Team, make_user: MakeUser, token_for: TokenFor
) -> None:
    """GET /teams is any active user's: id, title."""
    answer = api("GET", TEAMS, token=token_for(make_user("outsider")))
    assert answer.json == [{"id": team.id, "title": "Engines"}]


@pytest.mark.parametrize("team_id", [NOBODY, NOBODY.lower(), "x", "Z" * 26])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_team_is_404(
    api: Client, admin: User, token_for: TokenFor, method: str, team_id: str
) -> None:
    """Unknown ids are 404."""
    data = [replace("/title", "Looms")] if method == "PATCH" else None
    assert api(method, f"{TEAMS}/{team_id}", token=token_for(admin), data=data).status == 404


@pytest.mark.parametrize("role", ["leader", "admin", "member", "outsider", "readonly leader"])
@pytest.mark.parametrize(("method", "success"), [("PATCH", 200), ("DELETE", 204)])
def test_who_changes_a_team(
    *,
    api: Client,
    admin: User,
    make_user: MakeUser,
    token_for: TokenFor,
    role: str,
    method: str,
    success: int,
) -> None:
    """(leader or admin) with write access."""
    caller = (
        admin if role == "admin" else make_user("caller", is_regular_user=not role.startswith("readonly"))
    )
    leader = caller if role.endswith("leader") else make_user("boss")
    team = create_team("Engines", leader.id, leader.username)
    if role == "member":
        add_member(team, caller, is_leader=False)
    data = [replace("/title", "Looms")] if method == "PATCH" else None
    answer = api(method, f"{TEAMS}/{team.id}", token=token_for(caller), data=data)
    assert answer.status == (success if role in {"leader", "admin"} else 403)


def test_without_write_access_nobody_creates_a_team(
    api: Client, make_user: MakeUser, token_for: TokenFor
) -> None:
    """POST /teams needs write access."""
    reader = make_user("reader", is_regular_user=False)
    assert api("POST", TEAMS, token=token_for(reader), data={"title": "Engines"}).status == 403


def test_a_deleted_team_is_not_counted(api: Client, user: User, team: Team, token_for: TokenFor) -> None:
    """X-Total-Count is exact; a second DELETE is 404 and changes nothing."""
    token = token_for(user)
    create_team("Looms", user.id, user.username)
    statuses = [api("DELETE", f"{TEAMS}/{team.id}", token=token).status for _ in range(2)]
    answer = api("GET", TEAMS, token=token)
    titles = [found["title"] for found in answer.json]
    assert (statuses, answer.headers["x-total-count"], titles) == ([204, 404], "1", ["Looms"])


def test_a_deletion_has_no_body(api: Client, user: User, team: Team, token_for: TokenFor) -> None:
    """204 is empty, not `null`."""
    assert api("DELETE", f"{TEAMS}/{team.id}", token=token_for(user)).body == b""


def test_a_renamed_team_is_listed_by_its_new_title(
    api: Client, user: User, team: Team, token_for: TokenFor
) -> None:
    """PATCH replaces /title, everywhere it shows."""
    token, path = token_for(user), f"{TEAMS}/{team.id}"
    api("PATCH", path, token=token, data=[replace("/title", "Looms")])
    shown = [api("GET", place, token=token).json for place in (TEAMS, path, f"{path}/members")]
    assert [shown[0][0]["title"], shown[1]["title"], shown[2][0]["team"]["title"]] == ["Looms"] * 3


def test_a_title_cannot_be_removed(api: Client, user: User, team: Team, token_for: TokenFor) -> None:
    """Behaviour 43: a team without title is an invalid result."""
    path, data = f"{TEAMS}/{team.id}", [{"op": "remove", "path": "/title"}]
    assert api("PATCH", path, token=token_for(user), data=data).status == 422
