"""Users, teams and clients: requests that race each other over HTTP on AWS's DynamoDB Local."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from chalicelib.teams.actions import clean_up
from chalicelib.users.models import User
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.integration.crowd import at_once, statuses
from tests.integration.wire import meanwhile, together
from tests.support import MakeUser, TokenFor, confirmed, dump_table, replace

pytestmark = pytest.mark.integration

TEAMS = "/api/v1/teams"
CLIENTS = "/api/v1/auth/oauth2_clients"

SignUp = Callable[[str, str], Answer]


def markers() -> set[tuple[str, str]]:
    """The names that are taken, and the users whose they are."""
    return {
        (item["pk"]["S"], item["user_id"]["S"]) for item in dump_table() if item["kind"]["S"] == "unique_name"
    }


def items_of_teams() -> list[dict[str, Any]]:
    """All that the table holds in the partitions of teams, and the notes of members to be removed."""
    found = [item for item in dump_table() if item["pk"]["S"].startswith(("TEAM#", "CLEANUP"))]
    # those of what refers to a team stay for minutes
    return [item for item in found if item["kind"]["S"] != "cascade"]


def listed(api: Client, token: str, path: str, query: str = "") -> tuple[int, int]:
    """How many elements a list has when it is read to its end, and how many it says it has."""
    answer = api("GET", f"{path}?limit=100{query}", token=token)
    assert "link" not in answer.headers
    return len(answer.json), int(answer.headers["x-total-count"])


def spellings(text: str, number: int) -> list[str]:
    """Different upper and lower cases of a text."""
    bits = [[bool(pattern >> place & 1) for place in range(len(text))] for pattern in range(number)]
    return ["".join(c.upper() if up else c for c, up in zip(text, ups, strict=True)) for ups in bits]


def new_team(api: Client, token: str) -> str:
    """Create a team and return its path."""
    return f"{TEAMS}/{api('POST', TEAMS, token=token, data={'title': 'Engines'}).json['id']}"


def add(api: Client, token: str, team: str, user: User, *, is_leader: bool = False) -> Answer:
    """Add a member to a team."""
    return api("POST", f"{team}/members", token=token, data={"user_id": user.id, "is_leader": is_leader})


def test_one_username_in_30_cases_is_taken_once(sign_up: SignUp) -> None:
    """Behaviour 62: of 30 sign-ups under one username one gets 201, the rest 409; no marker is orphaned."""
    names = spellings("lovelace", 30)
    answers = at_once(partial(sign_up, name, f"u{n}@test.example") for n, name in enumerate(names))
    assert statuses(answers) == {201: 1, 409: 29}
    winner = next(answer.json for answer in answers if answer.status == 201)
    taken = {"USERNAME#lovelace", f"EMAIL#{winner['email']}"}
    assert markers() == {(name, winner["id"]) for name in taken}


def test_one_email_in_32_spellings_is_taken_once(sign_up: SignUp) -> None:
    """Behaviour 62: the same for an e-mail address in upper, lower, composed and decomposed letters."""
    letters = ["é", "e\u0301", "É", "E\u0301"]
    addresses = [f"{letter}{rest}@test.example" for letter in letters for rest in spellings("milie", 8)]
    answers = at_once(partial(sign_up, f"user{n}", address) for n, address in enumerate(addresses))
    assert statuses(answers) == {201: 1, 409: 31}
    winner = next(answer.json for answer in answers if answer.status == 201)
    taken = {f"USERNAME#{winner['username']}", "EMAIL#émilie@test.example"}
    assert markers() == {(name, winner["id"]) for name in taken}


def test_two_users_cannot_take_one_new_email(api: Client, make_user: MakeUser, token_for: TokenFor) -> None:
    """Behaviour 62: of 10 users who change to one address one gets it; old addresses are free, or kept."""
    patch = confirmed(PASSWORD, replace("/email", "new@test.example"))
    users = [make_user(f"user{number}") for number in range(10)]
    calls = [
        partial(api, "PATCH", f"/api/v1/users/{user.id}", token=token_for(user), data=patch) for user in users
    ]
    answers = at_once(calls)
    assert statuses(answers) == {200: 1, 409: 9}
    winner = next(answer.json["id"] for answer in answers if answer.status == 200)
    kept = {(f"EMAIL#{user.email}", user.id) for user in users if user.id != winner}
    emails = {marker for marker in markers() if marker[0].startswith("EMAIL#") and "user" in marker[0]}
    assert emails == kept
    assert ("EMAIL#new@test.example", winner) in markers()


def test_20_teams_created_at_once_are_counted_exactly(api: Client, user: User, token_for: TokenFor) -> None:
    """X-Total-Count is exact, whoever writes at the same time."""
    token = token_for(user)
    answers = at_once([partial(api, "POST", TEAMS, token=token, data={"title": "Engines"})] * 20)
    assert statuses(answers) == {201: 20}
    assert listed(api, token, TEAMS) == (20, 20)


def test_30_users_signing_up_at_once_are_counted_exactly(
    api: Client, admin: User, token_for: TokenFor, sign_up: SignUp
) -> None:
    """The same for users; the 31st is the admin who asks."""
    answers = at_once(partial(sign_up, f"user{n}", f"user{n}@test.example") for n in range(30))
    assert statuses(answers) == {201: 30}
    assert listed(api, token_for(admin), "/api/v1/users") == (31, 31)


def test_20_clients_registered_at_once_are_counted_exactly(
    api: Client, user: User, token_for: TokenFor
) -> None:
    """The same for a user's OAuth2 clients."""
    token = token_for(user)
    answers = at_once([partial(api, "POST", CLIENTS, token=token, data={})] * 20)
    assert statuses(answers) == {201: 20}
    assert listed(api, token, CLIENTS, f"&user_id={user.id}") == (20, 20)


@pytest.mark.parametrize(("whom", "refusal"), [("each other", 403), ("themselves", 409)])
def test_of_two_leaders_who_remove_both_one_stays(
    whom: str, refusal: int, api: Client, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Behaviour 40: the last leader cannot be removed, even by two requests that both saw two leaders.

    The leader who was removed first may no longer remove the other.
    """
    leaders = [make_user("ada"), make_user("grace")]
    tokens = [token_for(leader) for leader in leaders]
    team = new_team(api, tokens[0])
    add(api, tokens[0], team, leaders[1], is_leader=True)
    removals = [
        partial(api, "DELETE", f"{team}/members/{other.id}", token=token)
        for token, other in zip(tokens, leaders[:: -1 if whom == "each other" else 1], strict=True)
    ]
    with together(2):
        assert statuses(at_once(removals)) == {204: 1, refusal: 1}
    members = [item for item in items_of_teams() if item["kind"]["S"] == "member"]
    assert [member["is_leader"] for member in members] == [{"BOOL": True}]


@pytest.mark.parametrize("flag", ["is_admin", "is_active"])
def test_of_two_admins_who_unmake_each_other_one_stays(
    flag: str, api: Client, admin: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Behaviour 40: the last active admin cannot be demoted or disabled, even by two that both saw two."""
    other = make_user("other", is_admin=True)
    pairs = [(token_for(admin), other), (token_for(other), admin)]
    with together(2):
        answers = at_once(partial(demote, api, token, victim.id, flag) for token, victim in pairs)
    assert statuses(answers) == {200: 1, 409: 1}
    users = [item for item in dump_table() if item["kind"]["S"] == "user"]
    assert [user["is_admin"]["BOOL"] and user["is_active"]["BOOL"] for user in users].count(True) == 1


def demote(api: Client, token: str, user_id: str, flag: str) -> Answer:
    """Take a role from a user."""
    patch = confirmed(PASSWORD, replace(f"/{flag}", False))
    return api("PATCH", f"/api/v1/users/{user_id}", token=token, data=patch)


def test_50_parallel_patches_with_if_match_have_50_effects(
    api: Client, user: User, token_for: TokenFor
) -> None:
    """Behaviour 62: each reads a number, adds one, and tries again after 412: none of them is lost."""
    token = token_for(user)
    team = api("POST", TEAMS, token=token, data={"title": "number 0"}).json["id"]

    def count_up() -> int:
        while True:
            read = api("GET", f"{TEAMS}/{team}", token=token)
            number = int(read.json["title"].removeprefix("number ")) + 1
            patch = [replace("/title", f"number {number}")]
            tag = {"If-Match": read.headers["etag"]}
            status = api("PATCH", f"{TEAMS}/{team}", token=token, data=patch, headers=tag).status
            if status != 412:
                return status

    assert at_once([count_up] * 50) == [200] * 50
    assert api("GET", f"{TEAMS}/{team}", token=token).json["title"] == "number 50"


def test_50_parallel_patches_without_if_match_are_all_written(
    api: Client, user: User, token_for: TokenFor
) -> None:
    """Behaviour 62: the server applies a patch again after a conflict, so the version grows by 50."""
    token = token_for(user)
    team = new_team(api, token)
    patches = [[replace("/title", f"title {number}")] for number in range(50)]
    answers = at_once(partial(api, "PATCH", team, token=token, data=patch) for patch in patches)
    assert statuses(answers) == {200: 50}
    assert sorted(int(answer.headers["etag"].strip('"')) for answer in answers) == list(range(2, 52))


def test_parallel_additions_to_one_list_lose_none(api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 62: 20 patches each append a redirect URI: all of them are there."""
    token, uris = token_for(user), {f"https://app.test/{number}" for number in range(20)}
    client = api("POST", CLIENTS, token=token, data={"client_type": "confidential"}).json["client_id"]
    patches = [[{"op": "add", "path": "/redirect_uris/-", "value": uri}] for uri in uris]
    answers = at_once(
        partial(api, "PATCH", f"{CLIENTS}/{client}", token=token, data=patch) for patch in patches
    )
    assert statuses(answers) == {200: 20}
    assert set(api("GET", f"{CLIENTS}/{client}", token=token).json["redirect_uris"]) == uris


def test_one_user_is_added_to_a_team_once(api: Client, user: User, admin: User, token_for: TokenFor) -> None:
    """Of 20 requests for one membership one gets 201, the rest 409; the team counts it once."""
    token = token_for(user)
    team = new_team(api, token)
    answers = at_once([partial(add, api, token, team, admin)] * 20)
    assert statuses(answers) == {201: 1, 409: 19}
    assert listed(api, token, f"{team}/members") == (2, 2)


def test_members_who_come_and_go_at_once_are_counted_exactly(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """10 members are added while 10 others are removed, and the team's count stays exact."""
    token = token_for(user)
    team = new_team(api, token)
    going, coming = ([make_user(f"{name}{n}") for n in range(10)] for name in ("going", "coming"))
    at_once(partial(add, api, token, team, member) for member in going)
    removals = [partial(api, "DELETE", f"{team}/members/{member.id}", token=token) for member in going]
    answers = at_once([*removals, *(partial(add, api, token, team, member) for member in coming)])
    assert statuses(answers) == {201: 10, 204: 10}
    assert listed(api, token, f"{team}/members") == (11, 11)


def test_a_team_is_deleted_once(api: Client, user: User, token_for: TokenFor) -> None:
    """Of 10 deletions one gets 204, the rest find nothing; the list's count stays exact."""
    token = token_for(user)
    new_team(api, token)
    team = new_team(api, token)
    answers = at_once([partial(api, "DELETE", team, token=token)] * 10)
    assert statuses(answers)[204] == 1
    assert {answer.status for answer in answers} <= {204, 403, 404}
    assert listed(api, token, TEAMS) == (1, 1)


def test_members_added_while_their_team_is_deleted_leave_no_orphan(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Behaviour 63: whichever of 12 additions and a deletion wins, nothing is left after the clean-up."""
    token = token_for(user)
    team = new_team(api, token)
    members = [make_user(f"user{n}") for n in range(12)]
    calls: list[Callable[[], Answer]] = [partial(add, api, token, team, member) for member in members]
    calls.insert(6, partial(api, "DELETE", team, token=token))
    answers = at_once(calls)
    assert answers[6].status == 204
    assert {answer.status for answer in answers} <= {201, 204, 403, 404}
    clean_up()
    assert items_of_teams() == []


def test_a_member_added_after_the_clean_up_leaves_no_orphan(
    api: Client, user: User, admin: User, token_for: TokenFor
) -> None:
    """Behaviour 63: the team goes between the reads and the write of an addition: 404, no orphan."""
    token = token_for(user)
    team = new_team(api, token)

    def delete() -> None:
        assert api("DELETE", team, token=token).status == 204
        clean_up()

    with meanwhile(delete):
        assert add(api, token, team, admin).status == 404
    assert items_of_teams() == []
