"""Lists: limit, cursor, offset, Link and X-Total-Count."""

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.db import keys
from chalicelib.teams.models import Member, Team, new_member
from chalicelib.users.models import User
from tests.acting import create_team, delete_team
from tests.http import Answer, Client
from tests.support import MakeClient, MakeUser, TokenFor
from tests.target import base_url

LISTS = (
    "/api/v1/users?",
    "/api/v1/teams?",
    "/api/v1/teams/{team}/members?",
    "/api/v1/auth/oauth2_clients?user_id={user}&",
)
AMOUNT = 7
LINK = re.compile(rf'<{re.escape(base_url())}(/[^>]*)>; rel="next"')


class World:
    """An admin who has the same number of users, teams, members and clients."""

    def __init__(self, api: Client, token: str, places: dict[str, str]) -> None:
        self.api = api
        self.token = token
        self.places = places

    def get(self, place: str) -> Answer:
        """Get a list by its template."""
        return self.api("GET", place.format(**self.places), token=self.token)


@pytest.fixture
def world(
    api: Client, admin: User, make_user: MakeUser, make_client: MakeClient, token_for: TokenFor
) -> World:
    """Seven of each; the documentation client is one of the clients."""
    token = token_for(admin)
    users = [admin, *(make_user(f"user{number}") for number in range(AMOUNT - 1))]
    teams = [create_team(f"Team {number}", admin.id, admin.username) for number in range(AMOUNT)]
    fill(teams[0], [user.id for user in users[1:]])
    for number in range(AMOUNT - 1):
        make_client(f"client{number}", admin)
    return World(
        api, token, {"team": teams[0].id, "other": teams[1].id, "user": admin.id, "them": users[1].id}
    )


@pytest.fixture
def empty(api: Client, user: User, token_for: TokenFor) -> World:
    """No team at all."""
    return World(api, token_for(user), {})


def fill(team: Team, user_ids: list[str]) -> None:
    """Add members straight in the table."""
    with Member.batch_write() as batch:
        for user_id in user_ids:
            batch.save(new_member(team.id, user_id, "somebody", is_leader=False))
    team.update([Team.member_count.set(len(user_ids) + 1)])


def identity(element: dict[str, Any]) -> str:
    """Return what identifies an element of any list."""
    return str(element.get("id") or element.get("client_id") or element["user"]["id"])


def follow(world: World, place: str) -> list[list[str]]:
    """Get a list page by page, as Link leads."""
    pages, path = [], place.format(**world.places)
    while path:
        answer = world.get(path)
        pages.append([identity(element) for element in answer.json])
        match = LINK.fullmatch(answer.headers.get("link", ""))
        path = match[1] if match else ""
    return pages


def cursor_of(answer: Answer) -> str:
    """Take the cursor from the Link header."""
    return answer.headers["link"].split("cursor=")[1].split(">")[0].split("&")[0]


@pytest.mark.parametrize("place", LISTS)
@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_link_leads_through_the_list_once_in_order(world: World, place: str, limit: int) -> None:
    """Every element once, ordered by id, in full pages; the last page has no Link."""
    pages = follow(world, f"{place}limit={limit}")
    elements = [element for page in pages for element in page]
    full = [limit] * (AMOUNT // limit) + [AMOUNT % limit] * bool(AMOUNT % limit)
    assert (elements, [len(page) for page in pages]) == (sorted(set(elements)), full)


@pytest.mark.parametrize("place", LISTS)
@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_the_newest_come_first_on_request(world: World, place: str, limit: int) -> None:
    """The same elements the other way round, page by page; nothing else of the partition."""
    (everything,) = follow(world, f"{place}limit=100")
    pages = follow(world, f"{place}order=newest&limit={limit}")
    assert [element for page in pages for element in page] == everything[::-1]
    assert {len(page) for page in pages[:-1]} <= {limit}
    assert follow(world, f"{place}order=oldest&limit={limit}") == follow(world, f"{place}limit={limit}")


@pytest.mark.parametrize("place", LISTS)
def test_an_offset_skips_the_newest(world: World, place: str) -> None:
    """It counts from where the order begins."""
    (everything,) = follow(world, f"{place}limit=100")
    found = [identity(element) for element in world.get(f"{place}order=newest&offset=2&limit=3").json]
    assert found == everything[::-1][2:5]


@pytest.mark.parametrize("place", LISTS)
@pytest.mark.parametrize(("order", "other"), [("oldest", "newest"), ("newest", "oldest")])
def test_a_cursor_keeps_its_order(world: World, place: str, order: str, other: str) -> None:
    """With the other order, it would go back to where it came from."""
    cursor = cursor_of(world.get(f"{place}order={order}&limit=2"))
    assert world.get(f"{place}order={order}&cursor={cursor}").status == 200
    answer = world.get(f"{place}order={other}&cursor={cursor}")
    assert (answer.status, answer.json["errors"][0]["parameter"]) == (422, "cursor")


@pytest.mark.parametrize("value", ["", "Newest", "desc", "-created"])
def test_an_order_that_is_not_known_is_422(empty: World, value: str) -> None:
    """Oldest or newest."""
    answer = empty.get(f"/api/v1/teams?order={value}")
    assert (answer.status, answer.json["errors"][0]["parameter"]) == (422, "order")


@pytest.mark.parametrize("place", LISTS)
@pytest.mark.parametrize("query", ["limit=2", "offset=1000"])
def test_the_total_count_is_exact_on_every_page(world: World, place: str, query: str) -> None:
    """X-Total-Count counts the list, not the page."""
    assert world.get(place + query).headers["x-total-count"] == str(AMOUNT)


@pytest.mark.parametrize("place", LISTS)
@pytest.mark.parametrize("offset", [1, 7, 1000])
def test_an_offset_skips(world: World, place: str, offset: int) -> None:
    """Offset for old clients."""
    everything = follow(world, place)[0]
    found = [identity(element) for element in world.get(f"{place}offset={offset}&limit=3").json]
    assert found == everything[offset : offset + 3]


def test_link_goes_on_behind_an_offset(world: World) -> None:
    """The next page begins behind this one, however this one was reached."""
    everything = follow(world, LISTS[0])[0]
    pages = follow(world, f"{LISTS[0]}offset=3&limit=2")
    assert pages == [everything[3:5], everything[5:7]]


def test_twenty_elements_by_default(world: World, make_user: MakeUser) -> None:
    """Limit is 20 unless told otherwise."""
    for number in range(20):
        make_user(f"more{number}")
    assert [len(page) for page in follow(world, LISTS[0])] == [20, AMOUNT]


BAD_LIMITS = [
    "0",
    "101",
    "-1",
    "",
    "x",
    "1.5",
    "1e1",
    "+5",
    " 5",
    "5 ",
    "0x5",
    "1_0",
    "\u0665",
    "9" * 400,
    "null",
]


@pytest.mark.parametrize("value", BAD_LIMITS)
def test_a_bad_limit_is_422(empty: World, value: str) -> None:
    """1 to 100; the problem names the parameter."""
    answer = empty.get(f"/api/v1/teams?limit={quote(value)}")
    assert (answer.status, answer.json["errors"][0]["parameter"]) == (422, "limit")


@pytest.mark.parametrize("value", ["-1", "1.5", "x", "", "\u0661", "1e2"])
def test_a_bad_offset_is_422(empty: World, value: str) -> None:
    """A query parameter against its schema is 422."""
    answer = empty.get(f"/api/v1/teams?offset={quote(value)}")
    assert (answer.status, answer.json["errors"][0]["parameter"]) == (422, "offset")


@pytest.mark.parametrize("value", [1001, 10**9, 10**30])
def test_an_offset_that_is_too_large_names_the_way_on(empty: World, value: int) -> None:
    """Over 1000 it is 422 naming `cursor`."""
    answer = empty.get(f"/api/v1/teams?offset={value}")
    assert (answer.status, "cursor" in answer.json["errors"][0]["detail"]) == (422, True)


@pytest.mark.parametrize("query", ["limit=1&limit=2", "offset=1&offset=1", "cursor=a&cursor=b"])
def test_a_parameter_given_twice_is_422(empty: World, query: str) -> None:
    """Sending both is an error, so that nobody has to guess which one counts."""
    answer = empty.get(f"/api/v1/teams?{query}")
    named = [entry["parameter"] for entry in answer.json["errors"]]
    assert (answer.status, named) == (422, [query.split("=", maxsplit=1)[0]])


def flipped(cursor: str) -> list[str]:
    """Make cursors of which one character is another."""
    return [
        cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        for place in range(len(cursor))
    ]


FORGERIES: dict[str, Callable[[str], list[str]]] = {
    "garbage": lambda _: [
        "x",
        "====",
        "%00",
        "%ff",
        "%C3%A9",
        "a" * 5000,
        "..%2F",
        "%20",
        "null",
        "eyJpZCI6MX0",
    ],
    "every character": flipped,
    "shorter": lambda cursor: [cursor[:-1], cursor[1:], cursor[:20]],
    "longer": lambda cursor: [f"{cursor}A", f"{cursor}=", f"A{cursor}", f"{cursor}%0A", f"%20{cursor}"],
    "made up": lambda _: [
        base64.urlsafe_b64encode(b"\x00" * 16 + keys.new_id().encode()).decode().rstrip("=")
    ],
    "bare id": lambda _: [keys.new_id()],
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_tampered_cursor_is_422(world: World, kind: str) -> None:
    """Cursors are tamper-evident; the problem names the parameter."""
    cursor = cursor_of(world.get("/api/v1/teams?limit=1"))
    answers = [world.get(f"/api/v1/teams?limit=1&cursor={forged}") for forged in FORGERIES[kind](cursor)]
    found = {(answer.status, answer.json["errors"][0]["parameter"]) for answer in answers}
    assert found == {(422, "cursor")}


OTHERS = ("/api/v1/teams/{other}/members?", "/api/v1/auth/oauth2_clients?user_id={them}&")


@pytest.mark.parametrize("own", LISTS)
def test_a_cursor_of_another_listing_is_422(world: World, own: str) -> None:
    """Cursors are bound to the listing: kind, team and owner."""
    cursor = cursor_of(world.get(f"{own}limit=1"))
    foreign = [place for place in LISTS + OTHERS if place != own]
    statuses = {place: world.get(f"{place}limit=1&cursor={cursor}").status for place in foreign}
    assert (statuses, world.get(f"{own}limit=1&cursor={cursor}").status) == (dict.fromkeys(foreign, 422), 200)


def test_a_cursor_goes_on_when_its_element_is_gone(world: World, admin: User) -> None:
    """Deleting what a page ended with skips nothing and repeats nothing."""
    everything = follow(world, LISTS[1])[0]
    first = world.get("/api/v1/teams?limit=2")
    gone = Team.get(*keys.team(everything[1]))
    delete_team(gone)
    rest = world.get(f"/api/v1/teams?limit=100&cursor={cursor_of(first)}")
    found = [identity(element) for element in rest.json]
    assert (found, rest.headers["x-total-count"]) == (everything[2:], str(AMOUNT - 1))


def test_an_empty_list_is_an_empty_array(api: Client, user: User, token_for: TokenFor) -> None:
    """A bare JSON array, a count, and no Link."""
    answer = api("GET", "/api/v1/teams", token=token_for(user))
    assert (answer.json, answer.headers["x-total-count"], answer.headers.get("link")) == ([], "0", None)
