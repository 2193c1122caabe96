"""AWS cancels conflicting transactions with TransactionConflict: callers never notice."""

from collections.abc import Callable
from functools import partial

import pytest

from chalicelib.users.models import User
from tests.http import Answer, Client
from tests.integration.crowd import at_once, statuses
from tests.integration.wire import conflicts
from tests.support import SignIn, TokenFor, replace

pytestmark = pytest.mark.integration

TEAMS = "/api/v1/teams"


@pytest.mark.parametrize("number", range(3))
def test_losers_of_a_refresh_get_its_successor(number: int, api: Client, user: User, sign_in: SignIn) -> None:
    """Behaviour 22, 59: one of 50 writes, and all of them have its answer, none of them 503."""
    form = {"grant_type": "refresh_token", "client_id": "documentation"}
    refresh = partial(
        api, "POST", "/auth/oauth2/token", form={**form, "refresh_token": sign_in()["refresh_token"]}
    )
    with conflicts() as seen:
        answers = at_once([refresh] * 50)
    assert statuses(answers) == {200: 50}
    assert seen["cancelled"] > 0
    assert len({answer.json["refresh_token"] for answer in answers}) == 1


def test_teams_are_created_and_counted(api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 59: 40 writers of a counter meet, and all get through."""
    token = token_for(user)
    with conflicts() as seen:
        answers = at_once([partial(api, "POST", TEAMS, token=token, data={"title": "Engines"})] * 40)
    assert statuses(answers) == {201: 40}
    assert seen["cancelled"] > 0
    assert api("GET", TEAMS, token=token).headers["x-total-count"] == "40"


def test_one_of_many_sign_ups_wins(api: Client, sign_up: Callable[[str, str], Answer]) -> None:
    """Behaviour 59, 62: a cancelled sign-up is tried again, and then finds the name taken."""
    with conflicts() as seen:
        answers = at_once(partial(sign_up, "ada", f"ada{number}@test.example") for number in range(30))
    assert statuses(answers) == {201: 1, 409: 29}
    assert seen["cancelled"] > 0


def test_50_patches_are_all_written(api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 59, 62: 50 patches without If-Match meet on one item, and every one has its effect."""
    token = token_for(user)
    team = f"{TEAMS}/{api('POST', TEAMS, token=token, data={'title': 'Engines'}).json['id']}"
    patches = [[replace("/title", f"title {number}")] for number in range(50)]
    with conflicts() as seen:
        answers = at_once(partial(api, "PATCH", team, token=token, data=patch) for patch in patches)
    assert statuses(answers) == {200: 50}
    assert seen["cancelled"] > 0
    assert sorted(int(answer.headers["etag"].strip('"')) for answer in answers) == list(range(2, 52))
