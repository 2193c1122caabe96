"""Brute force: failures are counted by account and by source address, until the window ends."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.rate_limit import Tally
from chalicelib.settings import Settings
from chalicelib.users import attempts
from chalicelib.users.models import User
from tests.api.code_tools import Browser, query_of
from tests.api.oauth_tools import TOKEN, at_call, error_of, password, refresh
from tests.conftest import PASSWORD, SECRET
from tests.http import Answer, Client
from tests.support import MakeUser, Operations, TokenFor, confirmed, dump_table
from tests.support import replace as replace_op
from tests.target import present

LIMIT = 10  # docs/rate-limits.md
WINDOW = 900  # seconds
ENOUGH = 10  # seconds that no test here takes
BUSY = (429, "temporarily_unavailable")
MOVES_CLOCK = pytest.mark.in_process("moves the application's clock")


@dataclass
class Clock:
    """The time that attempts are counted by."""

    now: float

    def time(self) -> float:
        """Return the time."""
        return self.now

    def fits(self, answer: Answer) -> bool:
        """Whether Retry-After leads to the end of the window; a server's own clock moves on."""
        left, slack = WINDOW - int(self.now) % WINDOW, ENOUGH if present().over_http else 0
        return left - slack <= int(answer.headers["retry-after"]) <= left


@pytest.fixture(autouse=True)
def clock() -> Iterator[Clock]:
    """A clock that stands still, 100 s after the beginning of a window; over HTTP, some time left in one."""
    if present().over_http:
        until_end = WINDOW - time.time() % WINDOW
        time.sleep(until_end if until_end < ENOUGH else 0)
        yield Clock(time.time())
        return
    standing = Clock(time.time() // WINDOW * WINDOW + 100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attempts, "time", standing)
        yield standing


@pytest.fixture
def few_per_address(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> int:
    """A limit per source address that a test can reach, since local stages allow thousands."""
    monkeypatch.setattr(application.api, "settings", replace(settings, failures_per_address=4))
    return 4


def fail(api: Client, times: int, username: str = "user", **more: str) -> list[int]:
    """Try wrong passwords, each with headers that pretend to come from elsewhere."""
    return [password(api, username, f"wrong {number}", **more).status for number in range(times)]


def shown(answer: Answer) -> tuple[int, bytes, str | None]:
    """What distinguishes answers for a caller."""
    return answer.status, answer.body, answer.headers.get("retry-after")


def test_ten_failures_are_told_the_eleventh_is_held_back(
    api: Client, user: User, documentation: OAuth2Client, clock: Clock
) -> None:
    """Behaviour 37: 10 failures per account in 15 minutes, then 429 until the window ends."""
    assert fail(api, LIMIT) == [400] * LIMIT
    answer = password(api, "user", "wrong again")
    assert (error_of(answer), clock.fits(answer)) == (BUSY, True)


def test_the_limit_is_told(
    api: Client, user: User, documentation: OAuth2Client, few_per_address: int
) -> None:
    """draft-ietf-httpapi-ratelimit-headers: which limit is reached, and until when."""
    fail(api, few_per_address)
    answers = [password(api, "user", "wrong"), password(api, "user", PASSWORD)]
    fields = {(answer.headers["ratelimit"], answer.headers["ratelimit-policy"]) for answer in answers}
    assert fields == {('"address";r=0;t=800', '"address";q=4;w=900')}
    statuses = [password(api, "user", "wrong", source=f"198.51.100.{n}").status for n in range(LIMIT - 3)]
    held = password(api, "user", PASSWORD, source="198.51.100.99")
    assert (statuses, held.status) == ([400] * (LIMIT - 4) + [429], 429)
    assert held.headers["ratelimit-policy"] == '"account";q=10;w=900'


def test_an_ipv6_network_is_one_address(
    api: Client, user: User, documentation: OAuth2Client, few_per_address: int
) -> None:
    """Behaviour 37: all addresses of a /64 share one count."""
    statuses = [password(api, f"n{n}", "wrong", source=f"2001:db8::{n}").status for n in range(5)]
    assert statuses == [400] * few_per_address + [429]


def test_held_back_accounts_look_alike(api: Client, user: User, documentation: OAuth2Client) -> None:
    """Behaviour 37: right password, wrong password and unknown user get the same 429."""
    fail(api, LIMIT)
    fail(api, LIMIT, "nobody")
    tries = [("user", PASSWORD), ("user", "wrong"), ("nobody", PASSWORD), ("USER", PASSWORD), ("Nobody", "x")]
    answers = {shown(password(api, *each)) for each in tries}
    assert [status for status, _, _ in answers] == [429]


def test_the_right_password_below_the_limit_works_and_is_no_failure(
    api: Client, user: User, documentation: OAuth2Client
) -> None:
    """Behaviour 37: only failures count."""
    fail(api, LIMIT - 1)
    assert [password(api, "user", PASSWORD).status for _ in range(3)] == [200] * 3


def test_a_success_does_not_reset_the_count(api: Client, user: User, documentation: OAuth2Client) -> None:
    """Behaviour 37: a guesser can't hide among the owner's own sign-ins."""
    fail(api, LIMIT - 1)
    password(api, "user", PASSWORD)
    assert fail(api, 2) == [400, 429]


def test_both_names_of_an_account_have_one_count(
    api: Client, user: User, documentation: OAuth2Client
) -> None:
    """The email address is not a second set of guesses."""
    fail(api, LIMIT - 1)
    assert [*fail(api, 1, "user@test.example"), *fail(api, 1)] == [400, 429]


@pytest.mark.parametrize("username", ["user", "nobody", "nobody@test.example"])
def test_spellings_of_a_name_are_one_account(
    api: Client, user: User, documentation: OAuth2Client, username: str
) -> None:
    """Behaviour 37: a name in another case is the same account, whether it exists or not."""
    fail(api, LIMIT - 1, username)
    assert [*fail(api, 1, f"{username.upper()} "), *fail(api, 1, username.title())] == [400, 429]


@MOVES_CLOCK
@pytest.mark.parametrize("wait", [WINDOW - 100, WINDOW, 10 * WINDOW])
def test_nobody_is_locked_out_for_good(
    api: Client, user: User, documentation: OAuth2Client, clock: Clock, wait: int
) -> None:
    """Behaviour 37: after Retry-After seconds the right password works again."""
    fail(api, LIMIT + 1)
    clock.now += wait
    assert password(api, "user", PASSWORD).status == 200


@MOVES_CLOCK
def test_hammering_does_not_prolong_the_wait(
    api: Client, user: User, documentation: OAuth2Client, clock: Clock
) -> None:
    """Behaviour 37: blocked attempts are not counted against the owner."""
    fail(api, LIMIT)
    clock.now += 600
    fail(api, LIMIT)
    clock.now += 200
    assert password(api, "user", PASSWORD).status == 200


def test_another_account_is_not_concerned(
    api: Client, user: User, admin: User, documentation: OAuth2Client
) -> None:
    """Behaviour 37: the failures of one account do not affect another."""
    fail(api, LIMIT)
    assert password(api, "admin", PASSWORD).status == 200


def test_the_account_is_held_back_for_every_address(
    api: Client, user: User, documentation: OAuth2Client
) -> None:
    """Behaviour 37: changing the address does not help against one account."""
    statuses = [password(api, "user", "wrong", source=f"198.51.100.{n}").status for n in range(LIMIT + 1)]
    assert statuses == [400] * LIMIT + [429]


FORWARDED = ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "X-Client-IP", "Via"]


def spoofed(api: Client, number: int, source: str = "198.51.100.1") -> int:
    """Try a password of an unknown user, with forged addresses."""
    form = {"grant_type": "password", "client_id": "documentation", "username": f"nobody-{number}"}
    headers = dict.fromkeys(FORWARDED, f"192.0.2.{number}")
    return api("POST", TOKEN, form={**form, "password": "x"}, headers=headers, source=source).status


def test_one_address_is_held_back_for_every_account(
    api: Client, user: User, documentation: OAuth2Client, few_per_address: int
) -> None:
    """Behaviour 37: many names from one address run into its own limit, forged headers or not."""
    statuses = [spoofed(api, number) for number in range(few_per_address + 2)]
    assert statuses == [400] * few_per_address + [429] * 2
    assert password(api, "user", PASSWORD, source="198.51.100.1").status == 429
    assert password(api, "user", PASSWORD, source="198.51.100.2").status == 200


def test_the_sign_in_page_guards_the_address_too(
    api: Client, user: User, app: OAuth2Client, few_per_address: int
) -> None:
    """Behaviour 37: several names tried on one page count like those of several forms."""
    browser = Browser(api)
    browser.open(**query_of())
    names = [f"nobody{number}" for number in range(few_per_address)]
    statuses = [browser.submit("sign_in", username=name, password="x").status for name in names]
    statuses.append(browser.submit("sign_in", username="user", password=PASSWORD).status)
    assert statuses == [403] * few_per_address + [429]


def test_nobody_is_held_back_by_a_forged_address(
    api: Client, user: User, documentation: OAuth2Client, few_per_address: int
) -> None:
    """Behaviour 37: failures count for the address that the gateway saw, not for one that is claimed."""
    for _ in range(few_per_address + 1):
        spoofed(api, 9)
    assert password(api, "user", PASSWORD, source="192.0.2.9").status == 200


def test_an_address_is_what_the_gateway_saw(api: Client, user: User, documentation: OAuth2Client) -> None:
    """Behaviour 37: an address that failed too often is blocked whatever it claims, and no other is."""
    spoofed(api, 9)
    (stored,) = [item for item in dump_table() if keys.ADDRESS in item["pk"]["S"]]
    item = Tally.from_raw_data(stored)
    item.update([Tally.amount.set(application.settings.failures_per_address)])
    assert [spoofed(api, number) for number in (8, 9)] == [429, 429]
    assert password(api, "user", PASSWORD, source="198.51.100.1").status == 429
    assert password(api, "user", PASSWORD, source="192.0.2.9").status == 200


def test_failures_of_the_window_before_do_not_count(
    api: Client, user: User, documentation: OAuth2Client, clock: Clock
) -> None:
    """Behaviour 37: nobody is blocked beyond a window, even if TTL has not removed the count yet."""
    before = keys.failures(attempts.account(user.id), int(clock.now // WINDOW) - 1)
    Tally.at(before, amount=10 * LIMIT).save()
    assert password(api, "user", PASSWORD).status == 200


@pytest.fixture
def few_per_client(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> int:
    """A limit per client and address that a test can reach, likewise."""
    few = replace(settings, failures_per_address=4, failures_per_client=3)
    monkeypatch.setattr(application.api, "settings", few)
    return 3


def ask_as(api: Client, client_id: str, secret: str, path: str = TOKEN, **more: Any) -> Answer:
    """Ask an OAuth2 endpoint as a confidential client."""
    form = {"grant_type": "client_credentials", "token": "x"}
    return api("POST", path, form=form, basic=(client_id, secret), **more)


PATHS = [TOKEN, "/auth/oauth2/revoke", "/auth/oauth2/introspect"]


@pytest.mark.parametrize("path", PATHS)
def test_wrong_client_secrets_are_limited(
    api: Client, service: OAuth2Client, few_per_client: int, path: str
) -> None:
    """Behaviour 37: a client that failed too often from an address gets 429, on each endpoint."""
    answers = [ask_as(api, "service", f"wrong {number}", path) for number in range(few_per_client + 2)]
    assert [answer.status for answer in answers] == [401] * few_per_client + [429] * 2
    assert answers[-1].headers["ratelimit-policy"] == '"client";q=3;w=900'
    assert ask_as(api, "service", "wrong", path, source="198.51.100.2").status == 401


def test_failed_clients_hold_nobody_back(
    api: Client, *, user: User, service: OAuth2Client, few_per_client: int, sign_in: Callable[..., Any]
) -> None:
    """Behaviour 37: behind one address, good credentials pass, whatever others failed at."""
    token = sign_in()["refresh_token"]
    made_up = [ask_as(api, f"nobody-{number}", "x").status for number in range(100)]
    wrong = [ask_as(api, "service", "wrong").status for _ in range(100)]
    assert made_up == wrong == [401] * few_per_client + [429] * (100 - few_per_client)
    assert [ask_as(api, "service", SECRET, path).status for path in PATHS] == [200] * 3
    assert refresh(api, token).status == 200
    assert password(api, "user", PASSWORD).status == 200
    assert error_of(ask_as(api, "documentation", "wrong")) == (401, "invalid_client")


def test_an_address_that_is_held_back_may_use_its_tokens(
    api: Client, *, user: User, service: OAuth2Client, few_per_address: int, sign_in: Callable[..., Any]
) -> None:
    """Behaviour 37: the limit of an address applies only to passwords."""
    token = sign_in()["refresh_token"]
    for number in range(few_per_address):
        password(api, f"nobody-{number}", "x")
    assert password(api, "user", PASSWORD).status == 429
    assert [ask_as(api, "service", SECRET, path).status for path in PATHS] == [200] * 3
    assert refresh(api, token).status == 200


def test_made_up_clients_do_not_fill_the_table(api: Client, few_per_client: int, table: None) -> None:
    """API4: all unknown clients share one counter, which bounds what is written for them."""
    for number in range(50):
        ask_as(api, f"nobody-{number}", "x")
    kinds = Counter(item["kind"]["S"] for item in dump_table())
    assert kinds == {"tally": 1, "audit_event": few_per_client}


def patch(api: Client, user: User, token: str, current: str) -> Answer:
    """Change the e-mail address with a current password."""
    operations = confirmed(current, replace_op("/email", "new@test.example"))
    return api("PATCH", f"/api/v1/users/{user.id}", token=token, data=operations)


def test_a_wrong_current_password_counts(
    api: Client, *, user: User, documentation: OAuth2Client, token_for: Callable[..., str], clock: Clock
) -> None:
    """A stolen access token does not allow unlimited guesses of the password."""
    token = token_for(user)
    assert [patch(api, user, token, f"wrong {n}").status for n in range(LIMIT)] == [403] * LIMIT
    held = patch(api, user, token, PASSWORD)
    assert (held.status, clock.fits(held)) == (429, True)
    assert password(api, "user", PASSWORD).status == 429


def test_failed_sign_ins_hold_back_the_current_password(
    api: Client, user: User, documentation: OAuth2Client, token_for: Callable[..., str]
) -> None:
    """Sign-in and current password share one counter per account."""
    fail(api, LIMIT)
    assert patch(api, user, token_for(user), PASSWORD).status == 429


@pytest.mark.parametrize("text", [PASSWORD, "wrong"], ids=["right", "wrong"])
def test_parallel_guesses_gain_nothing(
    api: Client, user: User, documentation: OAuth2Client, text: str
) -> None:
    """Behaviour 37: the last permitted failure happens while another attempt is under way."""
    fail(api, LIMIT - 1)
    with at_call("TransactWriteItems", lambda: password(api, "user", "the tenth")):
        answer = password(api, "user", text)
    assert error_of(answer) == BUSY


@pytest.mark.parametrize("text", [PASSWORD, "wrong"], ids=["right", "wrong"])
@pytest.mark.parametrize("more", [[], [replace_op("/email", "taken@test.example")]], ids=["fine", "refused"])
def test_parallel_guesses_of_the_current_password_gain_nothing(
    *, api: Client, user: User, make_user: MakeUser, token_for: TokenFor, text: str, more: Operations
) -> None:
    """Behaviour 37: beyond the limit, the right password is answered like a wrong one."""
    make_user("taken")
    token = token_for(user)
    for number in range(LIMIT - 1):
        patch(api, user, token, f"wrong {number}")
    with at_call("TransactWriteItems", lambda: patch(api, user, token, "the tenth")):
        answer = api("PATCH", f"/api/v1/users/{user.id}", token=token, data=confirmed(text, *more))
    assert answer.status == 429


@pytest.mark.parametrize(
    ("stage", "limit"), [("prod", 100), ("dev", 100), ("local", 10_000), ("test", 10_000)]
)
def test_the_limits_of_a_stage(stage: str, limit: int) -> None:
    """10 per account and 15 min, 100 per address, 10,000 on local stages."""
    found = Settings.from_env({"STAGE": stage, "SECRETS": "file:secrets.json"})
    assert (found.failures_per_account, found.failure_window) == (LIMIT, WINDOW)
    assert found.failures_per_address == limit
    assert found.failures_per_client == limit // 10
