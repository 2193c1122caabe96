"""A team that is renamed and deleted at once is found by its last title, and by nothing else."""

from functools import partial

import pytest

from chalicelib.db.relations import Index
from chalicelib.users.models import User
from tasks.data.check import check
from tests.http import Client
from tests.integration.crowd import at_once, statuses
from tests.support import TokenFor, dump_table, replace

pytestmark = pytest.mark.integration

TEAMS = "/api/v1/teams"


def places() -> list[tuple[str, str]]:
    """Where the index leads to teams."""
    entries = [item for item in dump_table() if item["kind"]["S"] == "index_entry"]
    return [(entry["gsi1pk"]["S"], entry["gsi1sk"]["S"]) for entry in entries]


def test_renamed_at_once(api: Client, user: User, token_for: TokenFor) -> None:
    """Each rename succeeds, one after the other, and there is one index entry, of the last title."""
    token = token_for(user)
    team = api("POST", TEAMS, token=token, data={"title": "Engines"}).json["id"]
    renames = [
        partial(api, "PATCH", f"{TEAMS}/{team}", token=token, data=[replace("/title", f"Looms {number}")])
        for number in range(10)
    ]
    searches = [partial(api, "GET", f"{TEAMS}?title={title}", token=token) for title in ("eng", "loom") * 5]
    answers = at_once([*renames, *searches])
    assert statuses(answers) == {200: 20}
    title = api("GET", f"{TEAMS}/{team}", token=token).json["title"]
    assert places() == [Index("title", by_prefix=True).place(("TEAMS", team), title)]
    # whatever a search saw, it began with what was asked for
    for answer, asked in zip(answers[10:], ("Eng", "Loom") * 5, strict=True):
        assert all(each["title"].startswith(asked) for each in answer.json)
    assert check(say=lambda _: None)


def test_renamed_and_deleted_at_once(api: Client, user: User, token_for: TokenFor) -> None:
    """A rename that comes too late leaves no entry behind."""
    token = token_for(user)
    made = [api("POST", TEAMS, token=token, data={"title": "Engines"}).json["id"] for _ in range(5)]
    patch = [replace("/title", "Looms")]
    answers = at_once(
        [partial(api, "PATCH", f"{TEAMS}/{team}", token=token, data=patch) for team in made]
        + [partial(api, "DELETE", f"{TEAMS}/{team}", token=token) for team in made]
    )
    assert {answer.status for answer in answers[:5]} <= {200, 403, 404}
    assert statuses(answers[5:]) == {204: 5}
    assert places() == []
    assert [item for item in dump_table() if item["kind"]["S"] == "team"] == []
