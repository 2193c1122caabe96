"""If-Match, and concurrent writers."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.teams.models import Team
from chalicelib.users.models import User
from tests.acting import change_team, create_team
from tests.faults import Forward, Sent, Wired, wire
from tests.http import Answer, Client
from tests.support import Operations, TokenFor, expect, replace

STALE = ['"0"', '"2"', 'W/"1"', '"2", "3"', '"2", W/"1"', "1", '""', "", '"1', "'1'", '"01"', '"1 "']
FRESH = ['"1"', "*", '"0", "1"', '"1","2"', ' "1" ', 'W/"0", "1"', '"a,b", "1"']

BETWEEN = pytest.mark.in_process("writes between the application's reading and writing")


@pytest.fixture
def team(user: User) -> Team:
    """A team of version 1, led by the user."""
    return create_team("Engines", user.id, user.username)


class Caller:
    """Calls a team as its leader."""

    def __init__(self, api: Client, token: str, team: Team) -> None:
        self.api = api
        self.token = token
        self.path = f"/api/v1/teams/{team.id}"

    def __call__(self, method: str, operations: Operations | None, if_match: str | None = None) -> Answer:
        """Send a request."""
        headers = {} if if_match is None else {"If-Match": if_match}
        return self.api(method, self.path, token=self.token, data=operations, headers=headers)


@pytest.fixture
def call(api: Client, user: User, team: Team, token_for: TokenFor) -> Caller:
    """Call the team."""
    return Caller(api, token_for(user), team)


RETITLE = [replace("/title", "Looms")]


@pytest.mark.parametrize("if_match", STALE)
@pytest.mark.parametrize(("method", "operations"), [("PATCH", RETITLE), ("DELETE", None)])
def test_a_version_that_is_not_the_stored_one_is_412(
    call: Caller, method: str, operations: Operations | None, if_match: str
) -> None:
    """Behaviour 47: stale, weak and malformed tags never match (RFC 9110 §13.1.1); nothing is written."""
    answer = call(method, operations, if_match)
    assert (answer.status, call("GET", None).json["title"]) == (412, "Engines")


@pytest.mark.parametrize("if_match", FRESH)
@pytest.mark.parametrize(("method", "operations", "status"), [("PATCH", RETITLE, 200), ("DELETE", None, 204)])
def test_the_stored_version_goes_through(
    call: Caller, method: str, operations: Operations | None, status: int, if_match: str
) -> None:
    """Behaviour 47: the tag itself, `*`, and lists that name it."""
    assert call(method, operations, if_match).status == status


def test_the_etag_of_an_answer_is_the_next_condition(call: Caller) -> None:
    """Behaviour 62: reading is not needed between two writes of one caller."""
    etag = call("GET", None).headers["etag"]
    for title in ("Looms", "Mills"):
        answer = call("PATCH", [replace("/title", title)], etag)
        etag = answer.headers["etag"]
    assert (answer.status, call("GET", None).headers["etag"]) == (200, etag)


def test_star_on_nothing_is_404(call: Caller) -> None:
    """RFC 9110 §13.1.1: a deleted item is 404, whatever the condition."""
    call("DELETE", None)
    assert call("PATCH", RETITLE, "*").status == 404


@contextmanager
def somebody_faster(team: Team, times: int) -> Iterator[list[Sent]]:
    """Change the title between the caller's read and write, for the first few attempts."""
    left = list(range(times))

    def rule(sent: Sent, forward: Forward) -> Wired:
        if sent.operation == "TransactWriteItems" and left:
            number = left.pop()
            others, left[:] = list(left), []
            present = get_many([team.key])[team.key]
            assert isinstance(present, Team)
            change_team(present, {"title": f"Theirs {number}"})
            left[:] = others
        return forward()

    with wire(rule) as sent:
        yield sent


@BETWEEN
@pytest.mark.parametrize("times", [1, 3])
def test_without_if_match_a_patch_is_applied_anew(call: Caller, team: Team, times: int) -> None:
    """Without If-Match the server re-applies on conflict."""
    with somebody_faster(team, times):
        answer = call("PATCH", RETITLE)
    stored = get_many([team.key])[team.key]
    assert (answer.status, answer.json["title"], int(stored.version)) == (200, "Looms", times + 2)


@BETWEEN
def test_a_patch_applied_anew_tests_what_is_there_now(call: Caller, team: Team) -> None:
    """Behaviour 62: a test sees the other writer's result, so no update is lost."""
    with somebody_faster(team, 1):
        answer = call("PATCH", [expect("/title", "Engines"), *RETITLE])
    assert (answer.status, call("GET", None).json["title"]) == (409, "Theirs 0")


@BETWEEN
@pytest.mark.parametrize(("method", "operations"), [("PATCH", RETITLE), ("DELETE", None)])
def test_with_if_match_who_comes_second_is_refused(
    call: Caller, team: Team, method: str, operations: Operations | None
) -> None:
    """Behaviour 59: a failed condition is 412 where the caller named a version."""
    with somebody_faster(team, 1):
        answer = call(method, operations, '"1"')
    assert (answer.status, call("GET", None).json["title"]) == (412, "Theirs 0")


@BETWEEN
def test_a_delete_without_if_match_wins_in_the_end(call: Caller, team: Team) -> None:
    """Deleting is re-applied like patching."""
    with somebody_faster(team, 2):
        assert call("DELETE", None).status == 204
    assert keys.team(team.id) not in get_many([team.key])


def test_a_team_that_vanishes_under_a_patch_is_404(call: Caller, team: Team) -> None:
    """Behaviour 59: an item deleted in the meantime is not found, and is not created again."""
    deleted: list[int] = []

    def rule(sent: Sent, forward: Forward) -> Wired:
        if sent.operation == "TransactWriteItems" and not deleted:
            deleted.append(1)
            deleted.append(call("DELETE", None).status)
        return forward()

    with wire(rule):
        answer = call("PATCH", RETITLE)
    assert (deleted[1], answer.status, call("GET", None).status) == (204, 404, 404)
