"""Authorization codes and consents: requests that race each other over HTTP on AWS's DynamoDB Local."""

from functools import partial

import pytest

from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.api.code_tools import Browser, get_code, query_of, redeem, redirected
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.integration.crowd import at_once, rounds, statuses
from tests.support import TokenFor

pytestmark = pytest.mark.integration

ME = "/api/v1/users/me"
GRANTS = "/api/v1/users/me/grants"


def consenting(api: Client) -> Browser:
    """Come as far as the consent page."""
    browser = Browser(api)
    browser.open(**query_of())
    assert browser.submit("sign_in", username="user", password=PASSWORD).status == 200
    return browser


def works(api: Client, answer: Answer) -> bool:
    """Whether any token of an answer still works."""
    form = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": answer.json["refresh_token"]}
    token = answer.json["access_token"]
    return 200 in (
        api("GET", ME, token=token).status,
        api("POST", "/auth/oauth2/token", form=form).status,
    )


@pytest.mark.parametrize("number", rounds(20))
def test_one_of_50_concurrent_exchanges_wins_at_the_most(
    number: int, api: Client, app: OAuth2Client, user: User
) -> None:
    """Behaviour 34: at most one 200; the losers get invalid_grant, and what the winner got is dead."""
    code = get_code(api, "user", PASSWORD)
    answers = at_once([partial(redeem, api, code)] * 50)
    assert statuses(answers) == {200: 1, 400: 49}
    assert {answer.json["error"] for answer in answers if answer.status == 400} == {"invalid_grant"}
    assert not works(api, next(answer for answer in answers if answer.status == 200))


def test_consents_given_at_once_are_one(
    api: Client, app: OAuth2Client, user: User, token_for: TokenFor
) -> None:
    """Ten open consent pages, allowed in one moment: one consent, counted once, and each code works."""
    browsers = [consenting(api) for _ in range(10)]
    answers = at_once(partial(browser.submit, "allow") for browser in browsers)
    given = [redirected(answer)["code"] for answer in answers if answer.status == 303]
    assert {answer.status for answer in answers} <= {303, 409}
    assert given
    assert [redeem(api, code).status for code in given] == [200] * len(given)
    listed = api("GET", GRANTS, token=token_for(user))
    assert (len(listed.json), listed.headers["x-total-count"]) == (1, "1")


@pytest.mark.parametrize("number", range(3))
def test_signing_an_app_out_while_it_exchanges_leaves_no_live_token(
    number: int, api: Client, app: OAuth2Client, user: User, token_for: TokenFor
) -> None:
    """Behaviour 26: ten codes and the withdrawal of the consent in one moment."""
    codes = [get_code(api, "user", PASSWORD) for _ in range(10)]
    withdraw = partial(api, "DELETE", f"{GRANTS}/app", token=token_for(user))
    gone, *answers = at_once([withdraw, *(partial(redeem, api, code) for code in codes)])
    assert gone.status == 204
    assert [works(api, answer) for answer in answers if answer.status == 200] == [False] * statuses(answers)[
        200
    ]
