"""Rate limits: so many calls per caller and window, in DynamoDB, however the calls end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from chalice.app import Chalice

import app as application
from chalicelib import rate_limit as module
from chalicelib.errors import ConflictError
from chalicelib.rate_limit import RateLimit, rate_limit
from chalicelib.settings import Settings
from chalicelib.users.models import User
from chalicelib.web.access import ACTIVE_USER, PUBLIC, Access
from chalicelib.web.call import Call
from chalicelib.web.endpoint import Api
from chalicelib.web.openapi.document import build
from chalicelib.web.operation import Operation
from tests.api.oauth_tools import at_call, database_down, fault
from tests.http import Answer, Client, InProcess
from tests.support import MakeClient, MakeUser, TokenFor, dump_table

PATH = "/things"
USERS = "/api/v1/users"
CLIENTS = "/api/v1/auth/oauth2_clients"
THREE = rate_limit("3/minute")


@dataclass
class Clock:
    """The time that windows are counted by."""

    now: float

    def time(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still, 10 s after the next hour begins: what it counts has not expired."""
    standing = Clock(time.time() // 3600 * 3600 + 3610)
    monkeypatch.setattr(module, "time", standing)
    return standing


@dataclass
class Limited:
    """An application whose one path has an operation with a limit and others without."""

    settings: Settings
    calls: list[Call] = field(default_factory=list)
    breaks: bool = False

    def __call__(self, limit: RateLimit, **declared: Any) -> Client:
        """Serve it; factor 1, as on a deployed stage."""
        app = Chalice(app_name="limited")
        settings = replace(self.settings, rate_limit_factor=1)
        api = Api(app, settings, application.api.keystore, application.api.authenticator)
        declared = {"permission": PUBLIC, "optional_token": True, **declared}
        api.route("GET", PATH, Operation(access=Access(**declared, limit=limit))(self.handle))
        api.route("POST", PATH, Operation(access=Access(PUBLIC))(lambda _: {}))
        return Client(InProcess(app))

    def handle(self, call: Call) -> dict[str, str]:
        """Do something that may be refused."""
        self.calls.append(call)
        if self.breaks:
            raise ConflictError
        return {}


@pytest.fixture
def limited(table: None, settings: Settings) -> Limited:
    """Make applications with a limit."""
    return Limited(settings)


def statuses(client: Client, times: int, **more: Any) -> list[int]:
    """Call so many times."""
    return [client("GET", PATH, **more).status for _ in range(times)]


@pytest.mark.parametrize("limit", [THREE, rate_limit("3/minute", "9/hour")])
def test_as_many_calls_as_declared_pass(limited: Limited, limit: RateLimit) -> None:
    """Behaviour 37: the quota, not one more; what is held back is not done."""
    assert statuses(limited(limit), 5) == [200] * 3 + [429] * 2
    assert len(limited.calls) == 3


def test_answers_tell_what_is_left(limited: Limited) -> None:
    """draft-ietf-httpapi-ratelimit-headers: the policy, and what is left of it, refusals included."""
    client = limited(THREE)
    answers = [client("GET", PATH) for _ in range(4)]
    assert [answer.headers["ratelimit"] for answer in answers] == [
        f'"default";r={left};t=50' for left in (2, 1, 0, 0)
    ]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"default";q=3;w=60'}
    assert [answer.headers.get("retry-after") for answer in answers] == [None, None, None, "50"]


def test_a_refusal_is_a_problem(limited: Limited) -> None:
    """RFC 6585 §4, in the form of all problems."""
    client = limited(rate_limit("1/day"))
    client("GET", PATH)
    refused = client("GET", PATH)
    assert refused.json["type"].endswith("/errors/too-many-requests")
    assert refused.headers["content-type"] == "application/problem+json"


def test_the_next_window_begins_anew(limited: Limited, clock: Clock) -> None:
    """Behaviour 37: after Retry-After seconds the caller gets in again."""
    client = limited(THREE)
    refused = [client("GET", PATH) for _ in range(4)][-1]
    clock.now += int(refused.headers["retry-after"])
    assert statuses(client, 4) == [200] * 3 + [429]


def test_hammering_does_not_prolong_the_wait(limited: Limited, clock: Clock) -> None:
    """Behaviour 37: calls that are held back are not counted."""
    client = limited(rate_limit("1/second", "4/minute"))
    assert statuses(client, 9) == [200] + [429] * 8
    clock.now += 1
    assert statuses(client, 1) == [200]


def test_several_limits_hold_together(limited: Limited, clock: Clock) -> None:
    """Each has a window of its own, and Retry-After is that of the one that is reached."""
    client = limited(rate_limit("2/second", "3/minute"))
    assert statuses(client, 3) == [200, 200, 429]
    clock.now += 1
    answers = [client("GET", PATH) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 429]
    assert answers[1].headers["retry-after"] == "49"
    assert answers[1].headers["ratelimit"] == '"second";r=1;t=1, "minute";r=0;t=49'


def test_each_account_has_its_own(
    limited: Limited, make_user: MakeUser, token_for: TokenFor, user: User
) -> None:
    """Per caller: the account, whatever its tokens and addresses; others at its address are not concerned."""
    client, tokens = limited(THREE), [token_for(user), token_for(user), token_for(make_user("other"))]
    found = [client("GET", PATH, token=tokens[n % 2], source=f"198.51.100.{n}").status for n in range(4)]
    assert found == [200] * 3 + [429]
    assert [*statuses(client, 1, token=tokens[2]), *statuses(client, 1)] == [200, 200]


def test_each_address_has_its_own(limited: Limited) -> None:
    """Behaviour 37: without an account the address that the gateway saw counts, never a header."""
    client = limited(THREE)
    found = [
        client("GET", PATH, headers={"X-Forwarded-For": f"192.0.2.{n}"}, source="198.51.100.1").status
        for n in range(4)
    ]
    assert found == [200] * 3 + [429]
    assert statuses(client, 1, source="198.51.100.2") == [200]
    assert statuses(client, 1, source="192.0.2.0") == [200]


def test_one_ipv6_network_is_one_caller(limited: Limited) -> None:
    """Behaviour 37: another address of the same /64 is no other caller."""
    client = limited(THREE)
    found = [client("GET", PATH, source=f"2001:db8::{n}").status for n in range(4)]
    assert found == [200] * 3 + [429]
    assert statuses(client, 1, source="2001:db8:0:1::1") == [200]


def test_operations_do_not_share_a_limit(limited: Limited) -> None:
    """What one operation counts is nothing to the others, nor to OPTIONS and preflights."""
    client = limited(rate_limit("1/minute"))
    preflight = {"Origin": "http://localhost", "Access-Control-Request-Method": "GET"}
    assert [client("OPTIONS", PATH).status for _ in range(3)] == [204] * 3
    assert [client("OPTIONS", PATH, headers=preflight).status for _ in range(3)] == [204] * 3
    assert [client("POST", PATH).status for _ in range(3)] == [200] * 3
    assert statuses(client, 2) == [200, 429]
    assert client("OPTIONS", PATH).headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_refused_calls_count(limited: Limited) -> None:
    """Otherwise refused callers could try without limit."""
    client = limited(THREE)
    limited.breaks = True
    assert statuses(client, 4) == [409] * 3 + [429]
    refused = client("GET", PATH)
    assert (len(limited.calls), refused.headers["ratelimit"]) == (3, '"default";r=0;t=50')


def test_a_bad_token_spends_nothing(limited: Limited, user: User, token_for: TokenFor) -> None:
    """Nobody can use up another's limit with a token that is no longer good."""
    client = limited(THREE, permission=ACTIVE_USER, scopes=frozenset({"users:read"}), optional_token=False)
    good, stale = token_for(user), token_for(user)
    user.update([User.credentials_version.set(1)])
    assert statuses(client, 4, token=stale) == [401] * 4
    user.update([User.credentials_version.set(0)])
    assert statuses(client, 4, token=good) == [200] * 3 + [429]


def test_nothing_passes_while_nobody_can_count(limited: Limited) -> None:
    """Behaviour 57: 503, never open; a limit of an operation without any other read holds, too."""
    client = limited(THREE)
    with database_down():
        answer = client("GET", PATH)
    assert (answer.status, limited.calls, "retry-after" in answer.headers) == (503, [], True)


def test_nothing_is_answered_that_is_not_counted(limited: Limited) -> None:
    """Behaviour 57: the read works, the write does not."""
    client = limited(THREE)
    with fault("TransactWriteItems"):
        assert client("GET", PATH).status == 503


@pytest.mark.parametrize("limit", [THREE, rate_limit("3/minute", "9/hour")], ids=["one", "several"])
def test_parallel_calls_gain_nothing(limited: Limited, limit: RateLimit) -> None:
    """Behaviour 37: the last permitted call happens between another one's read and its count."""
    client = limited(limit)
    statuses(client, 2)
    with at_call("TransactWriteItems", lambda: client("GET", PATH)):
        late = client("GET", PATH)
    assert (late.status, late.headers["retry-after"]) == (429, "50")
    assert ";r=0;t=50" in late.headers["ratelimit"]


def test_a_limit_costs_one_write(limited: Limited, round_trips: list[str]) -> None:
    """One round trip beside the read of the caller, which what the call writes is in; none to be refused."""
    client = limited(THREE)
    round_trips.clear()
    statuses(client, 4)
    assert round_trips == ["BatchGetItem", "TransactWriteItems"] * 3 + ["BatchGetItem"]


def test_counts_go_by_themselves(limited: Limited, clock: Clock) -> None:
    """TTL sweeps them when their window is long over."""
    statuses(limited(THREE), 1)
    (item,) = [item for item in dump_table() if item["kind"]["S"] == "tally"]
    assert int(item["expires_at"]["N"]) == int(clock.now) + 120


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, settings: Settings, api: Client) -> Client:
    """The application with the limits of a deployed stage."""
    monkeypatch.setattr(application.api, "settings", replace(settings, rate_limit_factor=1))
    return api


def sign_up(api: Client, number: int, captcha: str = "secret_key", **more: Any) -> Answer:
    """Sign up under a name with a number."""
    body = {"username": f"u{number}", "email": f"u{number}@test.example", "password": "analytical engine"}
    return api("POST", USERS, data={**body, "recaptcha_key": captcha}, **more)


def test_ten_a_minute_sign_up_from_one_address(deployed: Client) -> None:
    """Callers can neither fill the table with users nor probe in bulk which names are taken."""
    found = [sign_up(deployed, number) for number in range(11)]
    assert [answer.status for answer in found] == [201] * 10 + [429]
    assert found[-1].headers["ratelimit-policy"] == '"default";q=10;w=60'
    assert sign_up(deployed, 11, source="198.51.100.1").status == 201


def test_wrong_captchas_count(deployed: Client) -> None:
    """Failed captchas count, too."""
    assert [sign_up(deployed, n, "wrong").status for n in range(11)] == [403] * 10 + [429]


def register(api: Client, token: str) -> Answer:
    """Register an OAuth2 client."""
    return api("POST", CLIENTS, token=token, data={})


def rotate(api: Client, token: str) -> Answer:
    """Make a new secret."""
    return api("POST", f"{CLIENTS}/mine/secret", token=token)


@pytest.mark.parametrize("call", [register, rotate])
def test_ten_a_minute_make_secrets(
    deployed: Client,
    user: User,
    make_client: MakeClient,
    token_for: TokenFor,
    call: Callable[[Client, str], Answer],
) -> None:
    """Clients and their secrets, per account."""
    make_client("mine", user)
    statuses = [call(deployed, token_for(user)).status for _ in range(11)]
    assert ([status < 300 for status in statuses], statuses[10]) == ([True] * 10 + [False], 429)


def test_local_stages_allow_a_hundred_times_as_much(api: Client) -> None:
    """There everybody comes from one address, and so do load tests."""
    assert sign_up(api, 1).headers["ratelimit-policy"] == '"default";q=1000;w=60'


def test_pages_may_read_the_headers(api: Client) -> None:
    """Behaviour 53: a browser hides what is not exposed."""
    exposed = sign_up(api, 1, headers={"Origin": "http://localhost"}).headers["access-control-expose-headers"]
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed.split(", "))


def test_the_document_tells_the_limit(settings: Settings) -> None:
    """The declaration drives enforcement and documentation."""
    operation = Operation(access=Access(PUBLIC, limit=rate_limit("2/second", "100/15 minutes")))(documented)
    document = build({PATH: {"GET": operation}}, {}, "https://api.test")
    entry = document["paths"][PATH]["get"]
    assert "**RATE LIMIT: 2 per second and 100 per 15 minutes** for each caller" in entry["description"]
    assert {"RateLimit", "RateLimit-Policy"} <= entry["responses"]["200"]["headers"].keys()
    name = entry["responses"]["429"]["$ref"].rpartition("/")[2]
    shown = document["components"]["responses"][name]["headers"]
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= shown.keys()


def documented(_: Call) -> None:
    """Do nothing."""
