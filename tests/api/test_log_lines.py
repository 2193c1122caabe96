"""The log of a deployed stage: one line of JSON per request, whose numbers are metrics."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib import context
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.settings import Settings
from chalicelib.users.models import User
from tests.api.oauth_tools import let_pass
from tests.conftest import PASSWORD, SECRET
from tests.faults import Forward, Sent, Wired, refusal, wire
from tests.http import Client
from tests.log_tools import Log, deployed_log
from tests.support import NOBODY, SignIn, TokenFor
from tests.tasks.test_operations_page import fields

pytestmark = pytest.mark.in_process("reads the application's log")
TOKEN = "/auth/oauth2/token"


@pytest.fixture
def log(settings: Settings, table: None) -> Iterator[Log]:
    """What the application writes from now on."""
    with deployed_log(settings) as found:
        yield found


def test_a_request_is_one_line_of_what_operators_need(
    api: Client, user: User, token_for: TokenFor, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asked for what, how it went, and what it took."""
    trace = "1-5759e988-bd862e3fe1be46a994272793"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={trace};Parent=53995c3f42cd8ad8;Sampled=1")
    with wire(charge):
        answer = api("GET", f"/api/v1/users/{user.id}", token=token_for(user))
    (line,) = log.lines
    assert line["time"].endswith("Z")
    assert (line["latency_ms"] > 0, line["read_units"]) == (True, 4.5)
    expected = {
        "level": "INFO",
        "message": "request",
        "stage": "dev",
        "build": "abc",
        "request_id": answer.headers["x-request-id"],
        "trace_id": trace,
        "method": "GET",
        "route": "/api/v1/users/{user_id}",
        "operation": "get_user",
        "status": 200,
        "actor_id": user.id,
        "client_id": "documentation",
        "round_trips": 1,
        "write_units": 0,
    }
    varying = ("time", "latency_ms", "read_units", "cold_start", "_aws")
    assert {name: value for name, value in line.items() if name not in varying} == expected


@pytest.mark.parametrize(
    ("method", "path", "status", "problem"),
    [
        ("GET", f"/api/v1/users/{NOBODY}", 404, "not-found"),
        ("PUT", "/api/v1/users/me", 405, "method-not-allowed"),
        ("GET", "/api/v1/users?limit=x", 422, "invalid-value"),
        ("POST", TOKEN, 400, "malformed-request"),
    ],
)
def test_a_refusal_is_one_line_with_its_reason(
    *,
    api: Client,
    admin: User,
    token_for: TokenFor,
    log: Log,
    method: str,
    path: str,
    status: int,
    problem: str,
) -> None:
    """Refusals by Chalice or by an operation are logged alike."""
    api(method, path, token=token_for(admin))
    assert (log.request["status"], log.request["problem"]) == (status, problem)


def test_without_a_token_nobody_is_named(api: Client, log: Log) -> None:
    """A line says of a caller what was proved."""
    api("GET", "/api/v1/users/me")
    assert (log.request["status"], log.request["problem"]) == (401, "unauthenticated")
    assert {"actor_id", "client_id"} & log.request.keys() == set()


def test_an_unforeseen_exception_is_told_under_the_same_request_id(
    api: Client, user: User, token_for: TokenFor, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trace is a field of one line; what the exception quotes is left out."""

    def explode(*_: object) -> None:
        raise ValueError("invalid literal: 'hunter2'") from KeyError("hunter3")

    monkeypatch.setattr(context, "get_many", explode)
    answer = api("GET", "/api/v1/users/me", token=token_for(user))
    told, request = log.lines
    assert {told["request_id"], request["request_id"]} == {answer.headers["x-request-id"]}
    assert (told["level"], told["route"]) == ("ERROR", "/api/v1/users/me")
    assert 'raise ValueError("invalid literal' in told["exception"], "source lines are told"
    assert told["exception"].splitlines()[-1] == "KeyError"
    assert (request["level"], request["status"], request["error"]) == (
        "ERROR",
        500,
        "ValueError <- KeyError",
    )
    assert request["problem"] == "internal-error"


def test_round_trips_are_those_that_were_sent(
    api: Client, admin: User, token_for: TokenFor, round_trips: list[str], log: Log
) -> None:
    """What the line counts is what botocore sends."""
    token = token_for(admin)
    round_trips.clear()
    api("POST", "/api/v1/teams", token=token, data={"title": "Looms"})
    assert log.request["round_trips"] == len(round_trips) == 2


CHARGES = {
    "BatchGetItem": [
        {"TableName": "grail-test", "CapacityUnits": 3.5},
        {"TableName": "b", "CapacityUnits": 1},
    ],
    "Query": {"TableName": "grail-test", "CapacityUnits": 0.5},
    "TransactWriteItems": [{"TableName": "grail-test", "CapacityUnits": 12.0}],
}


def charge(sent: Sent, forward: Forward) -> Wired:
    """Answer as DynamoDB does: with the consumed capacity if it is asked for."""
    status, _, raw = forward()
    body = json.loads(raw)
    body.pop("ConsumedCapacity", None)
    if sent.body["ReturnConsumedCapacity"] == "TOTAL":
        body["ConsumedCapacity"] = CHARGES[sent.operation]
    return status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(body)


def test_capacity_is_what_dynamodb_says(api: Client, admin: User, token_for: TokenFor, log: Log) -> None:
    """Reads and writes apart, of all requests together; tests/integration asks AWS's own engine."""
    token = token_for(admin)
    with wire(charge):
        api("GET", "/api/v1/teams", token=token)
        api("POST", "/api/v1/teams", token=token, data={"title": "Looms"})
    told = [(line["read_units"], line["write_units"]) for line in log.of("request")]
    assert told == [(5.0, 0), (4.5, 12.0)]


def test_requests_at_the_same_time_are_measured_apart(
    api: Client, admin: User, token_for: TokenFor, log: Log
) -> None:
    """The local server answers in threads; each request counts its own round trips."""
    tokens = [token_for(admin) for _ in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda token: api("GET", "/api/v1/teams", token=token), tokens))
    assert [line["round_trips"] for line in log.of("request")] == [2] * 16


def test_an_unreachable_database_is_told_by_its_kind(
    api: Client, user: User, token_for: TokenFor, log: Log, waits: list[float]
) -> None:
    """A 503 is one line; it has the code of AWS's error, not its text."""
    token = token_for(user)
    with wire(lambda *_: refusal("ThrottlingException")):
        api("GET", "/api/v1/users/me", token=token)
    line = log.request
    assert (line["status"], line["problem"], line["level"]) == (503, "service-unavailable", "ERROR")
    assert "ThrottlingException in BatchGetItem" in line["error"]
    assert (line["round_trips"] > 1, "injected" in log.text) == (True, False)


def test_every_field_is_explained(api: Client, user: User, token_for: TokenFor, log: Log) -> None:
    """docs/operations.md says what each one means."""
    api("GET", "/api/v1/users/me", token=token_for(user))
    api("PUT", "/api/v1/users/me")
    api("POST", TOKEN, form={"grant_type": "password", "client_id": "documentation"})
    logging.getLogger("grail").warning("something else")
    assert {name for line in log.lines for name in line} - fields() == set()


def test_nothing_is_written_on_a_local_stage(
    api: Client, user: User, token_for: TokenFor, capfd: pytest.CaptureFixture[str]
) -> None:
    """The terminal belongs to `make run`, which has a line of its own."""
    assert api("GET", "/api/v1/users/me", token=token_for(user)).status == 200
    assert capfd.readouterr() == ("", "")


def ask(api: Client, **form: str) -> int:
    """Ask the token endpoint."""
    return api("POST", TOKEN, form={"client_id": "documentation", **form}).status


def test_tokens_are_counted_by_grant(
    api: Client, user: User, service: OAuth2Client, sign_in: SignIn, log: Log
) -> None:
    """What was issued, to whom and by which grant."""
    tokens = sign_in()
    ask(api, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    api("POST", TOKEN, form={"grant_type": "client_credentials"}, basic=("service", SECRET))
    told = [(line["grant_type"], line["tokens_issued"], line["client_id"]) for line in log.of("request")]
    assert told == [
        ("password", 1, "documentation"),
        ("refresh_token", 1, "documentation"),
        ("client_credentials", 1, "service"),
    ]
    assert [line["actor_id"] for line in log.of("request")] == [user.id, user.id, service.user_id]


def test_a_used_refresh_token_is_counted(api: Client, user: User, sign_in: SignIn, log: Log) -> None:
    """Reuse means that the token leaked."""
    token = sign_in()["refresh_token"]
    ask(api, grant_type="refresh_token", refresh_token=token)
    let_pass(token)
    ask(api, grant_type="refresh_token", refresh_token=token)
    *_, line = log.of("request")
    assert (line["token_reuses"], line["problem"], "tokens_issued" in line) == (1, "invalid_grant", False)


def test_revoked_tokens_are_counted(api: Client, user: User, sign_in: SignIn, log: Log) -> None:
    """RFC 7009."""
    token = sign_in()["refresh_token"]
    api("POST", "/auth/oauth2/revoke", form={"client_id": "documentation", "token": token})
    assert log.of("request")[-1]["tokens_revoked"] == 1


def test_refused_sign_ins_are_counted_while_they_are_held_back_too(
    api: Client, user: User, documentation: OAuth2Client, log: Log
) -> None:
    """The alarm counts all guesses, also those beyond the limit."""
    form = {"grant_type": "password", "username": "user", "password": "wrong"}
    statuses = [ask(api, **form) for _ in range(11)]
    lines = log.of("request")
    assert statuses == [400] * 10 + [429]
    assert [line["sign_in_failures"] for line in lines] == [1] * 11
    assert [line.get("too_many_requests", 0) for line in lines] == [0] * 10 + [1]


def test_wrong_client_secrets_are_counted(api: Client, service: OAuth2Client, log: Log) -> None:
    """Clients have credentials, too."""
    api("POST", TOKEN, form={"grant_type": "client_credentials"}, basic=("service", "wrong"))
    assert (log.request["sign_in_failures"], "client_id" in log.request) == (1, False)


def test_what_is_wrong_otherwise_is_no_refused_sign_in(
    api: Client, user: User, documentation: OAuth2Client, log: Log
) -> None:
    """A request without a parameter is not a guess."""
    ask(api, grant_type="password", username="user")
    ask(api, grant_type="password", username="user", password=PASSWORD, scope="nonsense")
    assert [line.get("sign_in_failures", 0) for line in log.of("request")] == [0, 0]
