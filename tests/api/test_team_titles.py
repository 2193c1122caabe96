"""GET /teams?title=: teams are found by the beginning of their titles."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from chalicelib.db.table import HIGHEST
from chalicelib.teams.models import Team
from chalicelib.users.models import User
from tests.acting import add_member, change_team, create_team, delete_team
from tests.api.oauth_tools import at_call
from tests.http import Answer, Client
from tests.support import MakeUser, TokenFor, dump_table, replace
from tests.target import path_of

TEAMS = "/api/v1/teams"
Find = Callable[..., list[str]]


@pytest.fixture
def ask(api: Client, user: User, token_for: TokenFor) -> Callable[..., Answer]:
    """Ask for teams by title, with further parameters."""
    token = token_for(user)
    return lambda title, more="": api("GET", f"{TEAMS}?title={quote(title)}{more}", token=token)


@pytest.fixture
def find(ask: Callable[..., Answer]) -> Find:
    """Return the titles of the teams that are found."""
    return lambda title, more="": [team["title"] for team in ask(title, more).json]


def made(user: User, *titles: str) -> list[Team]:
    """Create teams."""
    return [create_team(title, user.id, user.username) for title in titles]


@pytest.mark.parametrize("title", ["eng", "ENG", "Engines", "\uff25ng", "e", "engine"])
def test_teams_are_found_by_the_beginning_of_their_titles(find: Find, user: User, title: str) -> None:
    """In any case and width, sorted by title."""
    made(user, "Steam", "engines of war", "Engines", "The Engines", "En-gines")
    found = find(title)
    assert [name for name in found if name != "En-gines"] == ["Engines", "engines of war"]


@pytest.mark.parametrize("title", ["ngines", "Enginess", "*", "%", "_", "Eng*", "Eng%", "[E]", "#", "."])
def test_nothing_else_is_found(find: Find, user: User, title: str) -> None:
    """Neither the middle of a title nor wild characters, which are characters like any other."""
    made(user, "Engines")
    assert find(title) == []


@pytest.mark.parametrize("title", ["50% off", "a_b", "a#b", "a*b?", "x" + HIGHEST * 4, "a&b=c", "+1 +2"])
def test_special_characters_stand_for_themselves(find: Find, user: User, title: str) -> None:
    """Those of SQL, globs, keys and query strings, and the last one that DynamoDB sorts."""
    made(user, title, "xylem", "az")
    assert (find(title), find(title[:2])) == ([title], [title])


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("\u00e9" * 50, "e\u0301"),
        ("\ufdfa" * 50, "\ufdfa"),
        ("\U0001f680" * 50, "\U0001f680"),
        ("x" * 50, "X"),
    ],
)
def test_the_longest_title_is_found(find: Find, user: User, title: str, asked: str) -> None:
    """50 characters of NFC, also where folding makes 18 of each, and keys have a limit in bytes."""
    made(user, title)
    assert find(asked * 50) == find(asked) == [title]


def test_what_only_begins_alike_is_not_found(find: Find, user: User) -> None:
    """Titles are compared whole, although only their first bytes are sorted by."""
    made(user, *("\ufdfa" * 49 + end for end in "ab"))
    assert find("\ufdfa" * 49 + "B") == ["\ufdfa" * 49 + "b"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("title=", "title"),
        ("title=%20", "title"),
        (f"title={'x' * 51}", "title"),
        ("title=a%00", "title"),
        (f"title=a{'%CC%81' * 40}", "title"),
        ("title=a&title=b", "title"),
        ("title=eng&order=newest", "order"),
        ("title=eng&titel=x", "titel"),
        ("title=eng&cursor=AAAA", "cursor"),
    ],
)
def test_bad_parameters_are_refused(
    api: Client, user: User, token_for: TokenFor, query: str, parameter: str
) -> None:
    """With the name of the parameter."""
    answer = api("GET", f"{TEAMS}?{query}", token=token_for(user))
    assert (answer.status, answer.json["errors"][0]["parameter"]) == (422, parameter)


def all_pages(api: Client, token: str, path: str) -> list[list[str]]:
    """Go through all pages, and return their titles."""
    pages = []
    while path:
        answer = api("GET", path, token=token)
        pages.append([team["title"] for team in answer.json])
        link = answer.headers.get("link", "")
        path = path_of(link[1:].split(">")[0]) if link else ""
    return pages


def test_matches_are_paged_through(api: Client, user: User, token_for: TokenFor) -> None:
    """Each match once, whatever its case, and those of one title in the order of their creation."""
    titles = ["Team 3", "team 1", "TEAM 2", "Team", "Team", "Teams"]
    made(user, *titles, "Tea", "Tean")
    pages = all_pages(api, token_for(user), f"{TEAMS}?title=TEAM&limit=2")
    assert pages == [["Team", "Team"], ["team 1", "TEAM 2"], ["Team 3", "Teams"]]


def test_the_last_page_has_no_link_and_nothing_is_counted(ask: Callable[..., Answer], user: User) -> None:
    """A total would have to be counted; an offset skips as in other lists."""
    made(user, "Team 1", "Team 2", "Team 3")
    answer = ask("team", "&limit=3")
    assert ("link" in answer.headers, "x-total-count" in answer.headers) == (False, False)
    assert [team["title"] for team in ask("team", "&offset=2").json] == ["Team 3"]


@pytest.mark.parametrize("other", ["title=tea", "title=teams", "", "title=Team"])
def test_a_cursor_is_for_the_title_that_was_asked_for(
    api: Client, user: User, token_for: TokenFor, other: str
) -> None:
    """Another one is refused, unless it is the same in another case."""
    made(user, "Team 1", "Team 2")
    token = token_for(user)
    link = api("GET", f"{TEAMS}?title=team&limit=1", token=token).headers["link"]
    cursor = link.split("cursor=")[1].split(">")[0]
    status = api("GET", f"{TEAMS}?{other}&cursor={cursor}", token=token).status
    assert status == (200 if other == "title=Team" else 422)


def test_a_cursor_of_the_longest_place_is_accepted(api: Client, user: User, token_for: TokenFor) -> None:
    """What Link leads to is never too long."""
    made(user, *("\ufdfa" * 50 for _ in range(3)))
    pages = all_pages(api, token_for(user), f"{TEAMS}?title={quote(chr(0xFDFA))}&limit=1")
    assert [len(page) for page in pages] == [1, 1, 1]


def test_a_renamed_team_is_found_by_its_new_title_only(
    api: Client, find: Find, user: User, token_for: TokenFor
) -> None:
    """At once; another case is another title, too."""
    (team,) = made(user, "Engines")
    for title in ("Looms", "LOOMS"):
        patch = [replace("/title", title)]
        assert api("PATCH", f"{TEAMS}/{team.id}", token=token_for(user), data=patch).status == 200
        assert (find("eng"), find("loo")) == ([], [title])


@pytest.mark.parametrize("change", [lambda team: change_team(team, {"title": "Looms"}), delete_team])
def test_what_changes_between_index_and_item_is_left_out(
    find: Find, user: User, change: Callable[[Team], None]
) -> None:
    """The index says where a team was; what it is now decides."""
    gone, _ = made(user, "Engines", "Engineers")
    # the second BatchGetItem reads the teams
    with at_call("BatchGetItem", lambda: change(gone), number=2):
        assert find("eng") == ["Engineers"]
    assert find("eng") == ["Engineers"]


def test_a_page_that_lost_everything_leads_to_the_next(ask: Callable[..., Answer], user: User) -> None:
    """It is empty, and Link is there."""
    gone, _ = made(user, "Engineers", "Engines")
    with at_call("BatchGetItem", lambda: delete_team(gone), number=2):
        answer = ask("eng", "&limit=1")
    assert (answer.json, "link" in answer.headers) == ([], True)


def test_a_deleted_team_leaves_no_entry(find: Find, user: User, make_user: MakeUser) -> None:
    """Whatever its size: its memberships wait for the clean-up, what finds it does not."""
    (team,) = made(user, "Engines")
    for number in range(3):
        add_member(team, make_user(f"member{number}"), is_leader=False)
        team.refresh()
    delete_team(team)
    assert find("eng") == []
    assert [item for item in dump_table() if item["kind"]["S"] == "index_entry"] == []
