"""My teams: those that one is in, whoever made them, and no others."""

from typing import Any

from chalicelib.users.models import User
from tests.acting import add_member, create_team
from tests.http import Client
from tests.support import MakeUser, TokenFor

MINE = "/api/v1/users/me/teams"


def titles(api: Client, token: str) -> list[str]:
    """The titles of all pages, two at a time."""
    found: list[str] = []
    path = f"{MINE}?limit=2"
    while path:
        answer = api("GET", path, token=token)
        found += [team["title"] for team in answer.json]
        link = answer.headers.get("link", "")
        path = MINE + "?" + link.split("?")[1].split(">")[0] if link else ""
    return found


def test_one_sees_the_teams_that_one_is_in(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """With what one is in each; a list that is not counted has no total."""
    ada = make_user("ada")
    led, joined = create_team("Looms", ada.id, "ada"), create_team("Engines", user.id, "user")
    create_team("Others", user.id, "user")
    add_member(joined, ada, is_leader=False)
    answer = api("GET", MINE, token=token_for(ada))
    assert answer.json == [
        {"id": led.id, "title": "Looms", "is_leader": True},
        {"id": joined.id, "title": "Engines", "is_leader": False},
    ]
    assert "x-total-count" not in answer.headers


def test_pages_follow_each_other(api: Client, user: User, token_for: TokenFor) -> None:
    """In the order of the teams' creation, each once."""
    expected = [f"Team {number}" for number in range(5)]
    for title in expected:
        create_team(title, user.id, "user")
    assert titles(api, token_for(user)) == expected


def test_what_one_left_or_somebody_deleted_is_gone(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Also before the memberships of a deleted team are cleaned up."""
    ada, token = make_user("ada"), token_for(user)
    left, deleted, kept = (create_team(title, ada.id, "ada") for title in ("Left", "Deleted", "Kept"))
    for team in (left, deleted, kept):
        add_member(team, user, is_leader=False)
    assert api("DELETE", f"/api/v1/teams/{left.id}/members/{user.id}", token=token).status == 204
    assert api("DELETE", f"/api/v1/teams/{deleted.id}", token=token_for(ada)).status == 204
    assert titles(api, token) == ["Kept"]


def test_a_cursor_of_another_account_is_refused(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """It is bound to its listing."""
    for title in ("Looms", "Engines"):
        create_team(title, user.id, "user")
    first: Any = api("GET", f"{MINE}?limit=1", token=token_for(user))
    query = first.headers["link"].split("?")[1].split(">")[0]
    answer = api("GET", f"{MINE}?{query}", token=token_for(make_user("ada")))
    assert (answer.status, answer.json["errors"][0]["parameter"]) == (422, "cursor")
