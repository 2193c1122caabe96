"""What succeeds has limits, too: those of each operation as docs/rate-limits.md has them, per account."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace as changed
from typing import Any

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import delete_many
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.rate_limit import Tally
from chalicelib.settings import Settings
from chalicelib.users import attempts
from chalicelib.users.models import User
from tests.acting import create_team
from tests.api.code_tools import Browser, query_of
from tests.api.oauth_tools import at_call
from tests.architecture.source import ROOT
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.support import MakeUser, Operations, SignIn, TokenFor, confirmed, replace

ROW = re.compile(r"^\| (`[A-Z]+ /[^`]*`[^|]*) \| ([^|]+) \|", re.MULTILINE)
HOUR, DAY = 3600, 86400
TOKEN = "/auth/oauth2/token"


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, settings: Settings, api: Client) -> Client:
    """The application with the limits of a deployed stage, not at the end of an hour."""
    monkeypatch.setattr(application.api, "settings", changed(settings, rate_limit_factor=1))
    return api


@pytest.fixture(autouse=True)
def steady() -> None:
    """Wait for the next window if this one is about to end."""
    left = HOUR - time.time() % HOUR
    if left < 20:
        time.sleep(left + 1)


def spend(operation: str, user: User, amount: int, limit: str = "default", window: int = HOUR) -> None:
    """Use up an account's quota without making calls."""
    key = keys.rate(operation, f"{keys.ACCOUNT}{user.id}", limit, int(time.time() // window))
    Tally.at(key, amount=amount).save()


def described() -> Iterator[tuple[str, str]]:
    """The limits that operations declare, in the words of the page."""
    for path, methods in application.api.operations.items():
        for method, operation in methods.items():
            if operation.access.limit:
                what = f", {operation.access.limit.what}" if operation.access.limit.what else ""
                yield f"`{method} {path}`{what}", " and ".join(operation.access.limit.limits)
            for what, limit in operation.docs.limits.items():
                yield f"`{method} {path}`, {what}", " and ".join(limit.limits)


def test_the_page_lists_every_limit() -> None:
    """docs/rate-limits.md has what is declared, and nothing else."""
    page = (ROOT / "docs" / "rate-limits.md").read_text("utf-8")
    assert dict(ROW.findall(page)) == dict(described())


def check(answer: Answer) -> None:
    """Check that a call was refused, with the time until the next attempt."""
    assert (answer.status, answer.headers["cache-control"]) == (429, "no-store")
    assert 0 < int(answer.headers["retry-after"]) <= DAY
    assert ";r=0;" in answer.headers["ratelimit"]
    assert answer.headers["ratelimit-policy"].startswith('"')


class Caller:
    """Calls as some account."""

    def __init__(self, api: Client, token_for: TokenFor) -> None:
        self.api, self.token_for = api, token_for

    def __call__(self, user: User, method: str, path: str, data: Any) -> Answer:
        """Send a body."""
        return self.api(method, path, token=self.token_for(user), data=data)

    def patch(self, user: User, operations: Operations) -> Answer:
        """Patch the account itself."""
        return self(user, "PATCH", f"/api/v1/users/{user.id}", operations)


@pytest.fixture
def call(deployed: Client, token_for: TokenFor) -> Caller:
    """Call as some account."""
    return Caller(deployed, token_for)


def moved(address: str) -> Operations:
    """A patch that changes the address."""
    return confirmed(PASSWORD, replace("/email", address))


def test_ten_addresses_an_hour(call: Caller, user: User, make_user: MakeUser) -> None:
    """A caller can neither probe for nor take many addresses; other callers are not affected."""
    other = make_user("other")
    addresses = [f"new{number}@test.example" for number in range(9)]
    assert [call.patch(user, moved(address)).status for address in addresses] == [200] * 9
    assert call.patch(user, moved(other.email)).status == 409
    check(call.patch(user, moved("last@test.example")))
    assert call.patch(other, moved("fine@test.example")).status == 200


@pytest.mark.parametrize(
    "operations",
    [
        [replace("/first_name", "Ada")],
        confirmed(PASSWORD, {"op": "test", "path": "/email", "value": ""}),
    ],
)
def test_other_patches_of_an_account_have_no_such_limit(
    call: Caller, user: User, operations: Operations
) -> None:
    """It is the address that is limited."""
    spend("patch_user", user, 10)
    answer = call.patch(user, operations)
    assert (answer.status in (200, 409), "ratelimit" in answer.headers) == (True, False)


@pytest.mark.parametrize("operations", [[], [None, 5, {}], {"op": "add"}, None, [{"path": ["/email"]}]])
def test_bodies_that_are_no_patches_are_told_so(call: Caller, user: User, operations: Any) -> None:
    """Whether a call counts is asked of anything that parses."""
    assert call.patch(user, operations).status in (200, 400, 415)


@pytest.mark.parametrize("op", ["add", "replace", "copy", "move"])
def test_an_address_is_changed_by_any_operation(call: Caller, user: User, op: str) -> None:
    """What writes to it counts, however it is refused in the end."""
    spend("patch_user", user, 10)
    source = {"from": "/first_name"} if op in ("copy", "move") else {"value": "new@test.example"}
    check(call.patch(user, confirmed(PASSWORD, {"op": op, "path": "/email", **source})))


LIMITED = [
    ("create_team", "default", HOUR, 100, "/api/v1/teams", {"title": "Engines"}),
    ("create_member", "default", HOUR, 1000, "/api/v1/teams/{team}/members", {"user_id": "{member}"}),
    ("create_oauth2_client", "day", DAY, 100, "/api/v1/auth/oauth2_clients", {}),
]


@pytest.mark.parametrize(("operation", "limit", "window", "quota", "path", "data"), LIMITED)
def test_what_an_account_makes_is_limited(
    *,
    call: Caller,
    user: User,
    make_user: MakeUser,
    operation: str,
    limit: str,
    window: int,
    quota: int,
    path: str,
    data: dict[str, str],
) -> None:
    """The last one of a window passes, the next one waits, and others go on."""
    other, member = make_user("other"), make_user("member")
    teams = {each.id: create_team("Engines", each.id, each.username).id for each in (user, other)}
    body = {name: text.replace("{member}", member.id) for name, text in data.items()}
    spend(operation, user, quota - 1, limit, window)
    assert call(user, "POST", path.replace("{team}", teams[user.id]), body).status == 201
    check(call(user, "POST", path.replace("{team}", teams[user.id]), body))
    assert call(other, "POST", path.replace("{team}", teams[other.id]), body).status == 201


def by_password(api: Client, username: str, password: str = PASSWORD) -> Answer:
    """Sign in."""
    form = {"grant_type": "password", "username": username, "password": password}
    return api("POST", TOKEN, form={**form, "client_id": "documentation"})


def test_sign_ins_of_an_account_are_limited(
    deployed: Client, user: User, make_user: MakeUser, documentation: OAuth2Client
) -> None:
    """A hundred an hour; guesses look as ever, and other accounts at the same address sign in."""
    make_user("other")
    spend("sign_in", user, 99)
    assert by_password(deployed, "user").status == 200
    refused = by_password(deployed, "user")
    check(refused)
    assert refused.json["error"] == "temporarily_unavailable"
    assert by_password(deployed, "user", "wrong").json == by_password(deployed, "nobody", "wrong").json
    assert by_password(deployed, "other").status == 200


def test_the_page_counts_as_well(
    deployed: Client, user: User, documentation: OAuth2Client, app: OAuth2Client
) -> None:
    """However somebody signs in, it is the same account."""
    spend("sign_in", user, 99)
    browser = Browser(deployed)
    browser.open(**query_of())
    assert browser.submit("sign_in", username="user", password=PASSWORD).status == 200
    check(by_password(deployed, "user"))
    again = Browser(deployed)
    again.open(**query_of())
    check(again.submit("sign_in", username="user", password=PASSWORD))


@pytest.mark.parametrize("amount", [99, 100])
def test_parallel_sign_ins_gain_nothing(
    deployed: Client, user: User, documentation: OAuth2Client, amount: int
) -> None:
    """The last permitted call happens between another one's read and its count."""
    spend("sign_in", user, amount - 1)
    with at_call("TransactWriteItems", lambda: by_password(deployed, "user")):
        late = by_password(deployed, "user")
    assert late.status == (200 if amount == 99 else 429)


def refresh(api: Client, token: str) -> Answer:
    """Refresh."""
    form = {"grant_type": "refresh_token", "client_id": "documentation", "refresh_token": token}
    return api("POST", TOKEN, form=form)


def spend_refreshes(token: str, amount: int) -> Key:
    """Use up a sign-in's quota of refreshes without making them, and return the key of the count."""
    user_id, family_id, _ = token.split(".")
    subject = attempts.sign_in(user_id, family_id)
    key = keys.rate("refresh", subject, "default", int(time.time() // HOUR))
    Tally.at(key, amount=amount).save()
    return key


def test_refreshes_of_a_sign_in_are_limited(deployed: Client, user: User, sign_in: SignIn) -> None:
    """120 an hour; what is only repeated counts nothing, and no other sign-in of the person is held back."""
    first, second = (sign_in()["refresh_token"] for _ in range(2))
    spend_refreshes(first, 119)
    renewed = refresh(deployed, first)
    check(refresh(deployed, renewed.json["refresh_token"]))
    assert refresh(deployed, first).json["refresh_token"] == renewed.json["refresh_token"]
    assert refresh(deployed, second).status == 200


def test_a_refresh_that_was_held_back_works_later(deployed: Client, user: User, sign_in: SignIn) -> None:
    """The token is not used up, and not treated as stolen."""
    token = sign_in()["refresh_token"]
    key = spend_refreshes(token, 120)
    check(refresh(deployed, token))
    delete_many([key])
    assert refresh(deployed, token).status == 200


def test_the_document_tells_limits_that_handlers_count() -> None:
    """As it does for those of callers."""
    operations = application.api.operations
    assert {*operations[TOKEN]["POST"].docs.limits} == {"sign-ins of an account", "refreshes of a sign-in"}
