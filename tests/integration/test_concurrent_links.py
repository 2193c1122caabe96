"""Links of letters, used by fifty at once, over HTTP on AWS's DynamoDB Local."""

from functools import partial

import pytest

from chalicelib.db import keys
from chalicelib.users.models import User
from tests.acting import change_user
from tests.api import account_tools
from tests.api.account_tools import PAGES, Mail, ask_again, forgotten, sign_up, use
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.integration.crowd import FEW, at_once, rounds, statuses
from tests.support import TokenFor, confirmed, dump_table, replace

pytestmark = pytest.mark.integration
stage, required = account_tools.stage, account_tools.required  # fixtures
OTHER = "new@test.example"


def sent(api: Client, mail: Mail, purpose: str, user: User, token: str) -> str:
    """Send a link for a purpose, and return what opens it."""
    if purpose == "email_verification":
        user.update([User.is_email_verified.set(False)])
        ask_again(api, "user")
        return mail.token("email_verification")
    if purpose == "password_reset":
        forgotten(api, "user")
        return mail.token("password_reset_request")
    data = confirmed(PASSWORD, replace("/email", OTHER))
    assert api("PATCH", f"/api/v1/users/{user.id}", token=token, data=data).status == 200
    change = mail.token("email_change_request")
    if purpose == "email_change":
        return change
    assert use(api, "email_change", change).status == 204
    return mail.token("email_change")


@pytest.mark.parametrize("number", rounds(20))
@pytest.mark.parametrize("purpose", PAGES)
def test_one_of_50_uses_wins(
    *, number: int, purpose: str, api: Client, required: Mail, user: User, token_for: TokenFor
) -> None:
    """The others get 410, and the link is gone."""
    link = sent(api, required, purpose, user, token_for(user))
    answers = at_once([partial(use, api, purpose, link)] * 50)
    assert statuses(answers) == {204: 1, 410: 49}
    left = [item for item in dump_table() if item["kind"]["S"] == "link"]
    # what is left is the link that undoes a change
    assert len(left) == (1 if purpose == "email_change" else 0)


@pytest.mark.parametrize("number", FEW)
def test_one_of_20_accounts_gets_an_address(*, number: int, api: Client, required: Mail) -> None:
    """All signed up with it, and confirm it in one moment."""
    for index in range(20):
        assert sign_up(api, username=f"ada{index}").status == 201
    answers = at_once(partial(use, api, "email_verification", token) for token in required.tokens)
    assert statuses(answers) == {204: 1, 410: 19}


@pytest.mark.parametrize("number", FEW)
def test_a_reset_meets_other_changes(*, number: int, api: Client, required: Mail, user: User) -> None:
    """The account changes while its password is replaced: one reset wins, and no update is lost."""
    forgotten(api, "user")
    token = required.token("password_reset_request")

    def rename() -> Answer:
        change_user(User.get(*keys.user(user.id)), {"first_name": "Ada"})
        return api("GET", "/health")

    *uses, _ = at_once([partial(use, api, "password_reset", token)] * 10 + [rename])
    assert statuses(uses) == {204: 1, 410: 9}
