"""What happens when DynamoDB throttles, fails, hangs, answers in part, or loses an answer."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.db.table import (
    BATCH_ATTEMPTS,
    CONNECT_TIMEOUT,
    MAX_RETRIES,
    READ_TIMEOUT,
    connection,
)
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.teams.models import Team
from chalicelib.users.models import User
from tests.acting import create_team
from tests.conftest import PASSWORD, SECRET
from tests.faults import Sent, Wired, altered, first, lose, refusal, wire
from tests.http import Answer, Client
from tests.support import MakeUser, TokenFor, confirmed, dump_table, replace

pytestmark = pytest.mark.usefixtures("waits")

FOREVER = 10**6
GATEWAY_LIMIT = 29.0  # seconds, of API Gateway
FAULTS: dict[str, Callable[[], Wired]] = {
    "throttling": lambda: refusal("ThrottlingException"),
    "provisioned throughput": lambda: refusal("ProvisionedThroughputExceededException"),
    "request limit": lambda: refusal("RequestLimitExceeded"),
    "fault": lambda: refusal("InternalServerError", 500),
    "unavailable": lambda: refusal("ServiceUnavailable", 503),
    "hung": lose,
    "no table": lambda: refusal("ResourceNotFoundException"),
    "no permission": lambda: refusal("AccessDeniedException"),
    "nonsense": lambda: (500, {}, "<html>"),
}
# after these it is unknown whether a write took effect
UNKNOWN = ("fault", "unavailable", "hung", "nonsense")
PASSING_FAULTS = ("throttling", "provisioned throughput", "fault", "unavailable", "hung", "nonsense")


@pytest.fixture
def team(user: User) -> Team:
    """A team that the user leads."""
    return create_team("Engines", user.id, user.username)


class Caller:
    """Makes one call of each kind, as the user."""

    def __init__(self, api: Client, token: str, user: User, team: Team) -> None:
        self.api = api
        self.token = token
        self.user = user
        self.team = team

    def __call__(self, name: str) -> Answer:
        """Call."""
        method, path, sent = CALLS[name]
        path = path.format(user=self.user.id, team=self.team.id)
        return self.api(method, path, token=None if "basic" in sent else self.token, **sent)


CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "get": ("GET", "/api/v1/users/me", {}),
    "list": ("GET", "/api/v1/teams", {}),
    "members": ("GET", "/api/v1/teams/{team}/members", {}),
    "post": ("POST", "/api/v1/teams", {"data": {"title": "Looms"}}),
    "patch": ("PATCH", "/api/v1/teams/{team}", {"data": [replace("/title", "Looms")]}),
    "confirmed": ("PATCH", "/api/v1/users/{user}", {"data": confirmed(PASSWORD, replace("/last_name", "L"))}),
    "delete": ("DELETE", "/api/v1/teams/{team}", {}),
    "options": ("OPTIONS", "/api/v1/teams/{team}", {}),
    "token": (
        "POST",
        "/auth/oauth2/token",
        {"form": {"grant_type": "client_credentials"}, "basic": ("service", SECRET)},
    ),
}
WRITING = ("post", "patch", "confirmed", "delete")
# Every fault with one call, and two faults with some.
PAIRS = [("patch", fault) for fault in FAULTS] + [
    (name, fault) for name in ("get", "post", "token") for fault in ("throttling", "hung")
]


@pytest.fixture
def call(api: Client, user: User, team: Team, service: OAuth2Client, token_for: TokenFor) -> Caller:
    """Call by name."""
    return Caller(api, token_for(user), user, team)


@pytest.mark.parametrize(("name", "fault"), PAIRS)
def test_a_fault_of_the_first_read_is_503(call: Caller, name: str, fault: str) -> None:
    """Behaviour 57, 58: a few attempts, then 503 + Retry-After; authentication never fails open."""
    with wire(first(FOREVER, "BatchGetItem", FAULTS[fault])) as sent:
        answer = call(name)
    tried = [request.operation for request in sent]
    assert (answer.status, int(answer.headers["retry-after"]) > 0) == (503, True)
    assert (set(tried), len(tried) <= 1 + MAX_RETRIES) == ({"BatchGetItem"}, True)


@pytest.mark.parametrize(("name", "fault"), [pair for pair in PAIRS if pair[0] in WRITING])
def test_a_fault_of_the_write_is_503(call: Caller, name: str, fault: str) -> None:
    """Behaviour 57, 58: the same; only what was surely not written may simply be sent again."""
    before = dump_table()
    with wire(first(FOREVER, "TransactWriteItems", FAULTS[fault])):
        answer = call(name)
    is_safe = fault not in UNKNOWN
    assert (answer.status, dump_table()) == (503, before)
    detail = answer.json["detail"]
    told = ("retry-after" in answer.headers, "try again" in detail, "not known" in detail)
    assert told == (is_safe, is_safe, not is_safe)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_query_is_503(call: Caller, fault: str) -> None:
    """Behaviour 57: never an empty list instead."""
    with wire(first(FOREVER, "Query", FAULTS[fault])):
        assert (call("list").status, call("members").status) == (503, 503)


@pytest.mark.parametrize(("name", "fault"), [pair for pair in PAIRS if pair[1] in PASSING_FAULTS])
@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
def test_a_fault_that_passes_is_not_noticed(call: Caller, name: str, fault: str, operation: str) -> None:
    """Behaviour 57: what works at the last attempt works."""
    with wire(first(MAX_RETRIES, operation, FAULTS[fault])):
        assert call(name).status < 300


@pytest.mark.parametrize("name", ["get", "patch", "token"])
def test_a_503_gives_nothing_away(call: Caller, name: str) -> None:
    """Behaviour 54: no trace, table name or engine in a problem."""
    with wire(first(FOREVER, "BatchGetItem", lambda: refusal("AccessDeniedException"))):
        text = call(name).body.decode().lower()
    assert [word for word in ("dynamo", "grail-", "injected", "traceback", "botocore") if word in text] == []


@pytest.mark.parametrize("name", ["get", "list", "confirmed", "token"])
@pytest.mark.parametrize("fault", ["throttling", "hung"])
def test_a_database_that_hangs_is_given_up_before_the_gateway_does(
    call: Caller, waits: list[float], monkeypatch: pytest.MonkeyPatch, name: str, fault: str
) -> None:
    """Behaviour 58: attempts x time-outs + waits stay below 29 s, with the longest waits there can be."""
    monkeypatch.setattr("random.random", lambda: 1.0)
    monkeypatch.setattr("random.SystemRandom.uniform", lambda _self, _least, most: most)
    with wire(first(FOREVER, "BatchGetItem", FAULTS[fault])) as sent:
        call(name)
    assert len(sent) * (CONNECT_TIMEOUT + READ_TIMEOUT) + sum(waits) < GATEWAY_LIMIT


@pytest.mark.parametrize("name", WRITING)
def test_a_write_that_hangs_is_given_up_in_time(call: Caller, waits: list[float], name: str) -> None:
    """Behaviour 58: the same when it is the transaction that hangs."""
    with wire(first(FOREVER, "TransactWriteItems", lose)) as sent:
        call(name)
    writes = [request for request in sent if request.operation == "TransactWriteItems"]
    assert len(writes) * (CONNECT_TIMEOUT + READ_TIMEOUT) + sum(waits) < GATEWAY_LIMIT


def test_the_client_has_the_time_outs(table: None) -> None:
    """Behaviour 58: about 1 s and 3 s reach botocore, whose own are 60 s and 60 s."""
    config = connection().connection.client.meta.config
    timeouts = (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"])
    assert timeouts == (CONNECT_TIMEOUT, READ_TIMEOUT, 1 + MAX_RETRIES)
    assert (CONNECT_TIMEOUT <= 2, READ_TIMEOUT <= 5) == (True, True)


def hold_back(keep: int) -> Callable[[Sent, dict[str, Any]], None]:
    """Pretend that DynamoDB read only the first keys of a batch."""

    def change(sent: Sent, answer: dict[str, Any]) -> None:
        ((table, wanted),) = sent.body["RequestItems"].items()
        left = wanted["Keys"][keep:]
        answer["Responses"][table] = [
            item
            for item in answer["Responses"].get(table, [])
            if {"pk": item["pk"], "sk": item["sk"]} not in left
        ]
        answer["UnprocessedKeys"] = {table: {**wanted, "Keys": left}} if left else {}

    return change


@pytest.mark.parametrize(("name", "keep"), [*((name, 1) for name in CALLS if name != "token"), ("get", 0)])
def test_keys_that_were_left_are_read_again(call: Caller, name: str, keep: int) -> None:
    """Behaviour 60: a loop with backoff, until everything is there."""
    with wire(altered(2, "BatchGetItem", hold_back(keep))) as sent:
        assert call(name).status < 300
    batches = [next(iter(request.body["RequestItems"].values()))["Keys"] for request in sent[:2]]
    assert batches[1] == batches[0][keep:]


@pytest.mark.parametrize("name", CALLS)
def test_keys_that_stay_left_are_503(call: Caller, waits: list[float], name: str) -> None:
    """Behaviour 60: exhausted is 503, never an answer from half of what authorization needs."""
    with wire(altered(FOREVER, "BatchGetItem", hold_back(0))) as sent:
        answer = call(name)
    assert (answer.status, len(sent), len(waits) >= BATCH_ATTEMPTS - 1) == (503, BATCH_ATTEMPTS, True)


def test_a_revocation_that_was_left_is_still_seen(api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 60, 61: a denylist entry among the unprocessed keys still ends its token."""
    token = token_for(user)
    form = {"token": token, "client_id": "documentation"}
    assert api("POST", "/auth/oauth2/revoke", form=form).status == 200
    answers = []
    for keep in (0, 1, 2):
        with wire(altered(1, "BatchGetItem", hold_back(keep))):
            answers.append(api("GET", "/api/v1/users/me", token=token).status)
    assert answers == [401, 401, 401]


@pytest.mark.parametrize("name", [name for name in CALLS if name != "token"])
def test_authorization_reads_consistently(call: Caller, name: str) -> None:
    """Behaviour 61: caller, denylist, team and membership come from one strongly consistent read."""
    with wire() as sent:
        call(name)
    reads = [
        next(iter(request.body["RequestItems"].values()))
        for request in sent
        if "RequestItems" in request.body
    ]
    assert [read.get("ConsistentRead") for read in reads] == [True] * len(reads)
    assert sent[0].operation == "BatchGetItem"


def test_members_are_read_consistently(call: Caller) -> None:
    """Behaviour 61: a removed member is no longer listed."""
    with wire() as sent:
        call("members")
    assert [request.body.get("ConsistentRead") for request in sent if request.operation == "Query"] == [True]


def test_a_page_goes_on_where_dynamodb_stopped(
    api: Client, admin: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Behaviour 60: an answer cut off at 1 MB is continued, never a short list."""
    made = sorted([admin.id, *(make_user(f"user{number}").id for number in range(5))])

    def cut(_: Sent, answer: dict[str, Any]) -> None:
        answer["Items"] = answer["Items"][:2]
        last = answer["Items"][-1]
        answer["LastEvaluatedKey"] = {
            "pk": {"S": f"USER#{last['id']['S']}"},
            "sk": {"S": "USER"},
            "gsi1pk": {"S": "USERS"},
            "gsi1sk": last["gsi1sk"],
        }

    with wire(altered(2, "Query", cut)):
        answer = api("GET", "/api/v1/users", token=token_for(admin))
    assert [found["id"] for found in answer.json] == made
