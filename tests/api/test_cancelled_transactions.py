"""Transactions that are refused, conflict with others, or lose their answer."""

from typing import Any

import pytest

from chalicelib.db.transaction import ATTEMPTS
from chalicelib.users.models import User
from tests.acting import add_member, create_team
from tests.conftest import PASSWORD
from tests.faults import Forward, Rule, Sent, Wired, cancelled, first, lose, refusal, wire
from tests.http import Answer, Client
from tests.support import MakeUser, TokenFor, confirmed, dump_table, present_keys, replace

pytestmark = pytest.mark.usefixtures("waits")

FOREVER = 10**6
SIGN_UP = {
    "username": "ada",
    "email": "ada@test.example",
    "password": "analytical engine",
    "recaptcha_key": "secret_key",
}


class Caller:
    """Makes one writing call of each kind, as an admin who leads a team."""

    def __init__(self, api: Client, token: str, places: dict[str, str]) -> None:
        self.api = api
        self.token = token
        self.places = places

    def __call__(self, name: str, headers: dict[str, str] | None = None) -> Answer:
        """Call."""
        method, path, data = CALLS[name]
        if name == "add":
            data = {"user_id": self.places["new"]}
        return self.api(method, path.format(**self.places), token=self.token, data=data, headers=headers)


CALLS: dict[str, tuple[str, str, Any]] = {
    "sign up": ("POST", "/api/v1/users", SIGN_UP),
    "create": ("POST", "/api/v1/teams", {"title": "Looms"}),
    "add": ("POST", "/api/v1/teams/{team}/members", {}),
    "remove": ("DELETE", "/api/v1/teams/{team}/members/{member}", None),
    "rename": ("PATCH", "/api/v1/teams/{team}", [replace("/title", "Looms")]),
    "email": ("PATCH", "/api/v1/users/{admin}", confirmed(PASSWORD, replace("/email", "n@test.example"))),
    "promote": ("PATCH", "/api/v1/users/{member}", confirmed(PASSWORD, replace("/is_admin", True))),
    "delete": ("DELETE", "/api/v1/teams/{team}", None),
    "register": ("POST", "/api/v1/auth/oauth2_clients", {}),
}


@pytest.fixture
def call(api: Client, admin: User, user: User, make_user: MakeUser, token_for: TokenFor) -> Caller:
    """Call by name."""
    team = create_team("Engines", admin.id, admin.username)
    add_member(team, user, is_leader=False)
    places = {"team": team.id, "member": user.id, "admin": admin.id, "new": make_user("new").id}
    return Caller(api, token_for(admin), places)


def in_the_way(times: int, *codes: str) -> Rule:
    """Cancel the first transactions, their last writes with these reasons."""

    def answer(sent: Sent) -> Wired:
        amount = len(sent.body["TransactItems"])
        return cancelled(*(["None"] * amount + list(codes))[-amount:])

    seen: list[Sent] = []

    def rule(sent: Sent, forward: Forward) -> Wired:
        if sent.operation == "TransactWriteItems" and len(seen) < times:
            seen.append(sent)
            return answer(sent)
        return forward()

    return rule


PASSING = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")
# Every reason with one call, and one reason with every call.
PAIRS = [("add", code) for code in PASSING[1:]] + [(name, PASSING[0]) for name in CALLS]


def shape() -> tuple[int, int]:
    """Count items and versions: what a second effect would change."""
    items = dump_table()
    return len(items), sum(int(item.get("version", {"N": "0"})["N"]) for item in items)


def effect(call: Caller, name: str, rule: Rule | None) -> tuple[int, int, int]:
    """Call under a rule, and measure what that changed."""
    before = shape()
    with wire(rule) if rule else wire():
        status = call(name).status
    after = shape()
    return status, after[0] - before[0], after[1] - before[1]


EFFECTS = {
    # status, new items, growth of all versions; a counter's shard may be new or not
    # the new item is the audit event; the index entry gets the team's version, which members let grow
    "rename": (200, 1, 4),
    "email": (200, 2, 3),  # another is the count of the limit; so it is below
    "remove": (204, 1, 2),  # two of them, for both accounts
    "add": (201, 4, 5),
}


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("times", [1, 5])
def test_a_conflict_is_repeated_with_one_effect(call: Caller, name: str, times: int) -> None:
    """Behaviour 59: TransactionConflict is retried by the app."""
    assert effect(call, name, in_the_way(times, "TransactionConflict")) == EFFECTS[name]


@pytest.mark.parametrize(("name", "code"), PAIRS)
def test_a_conflict_that_passes_is_not_noticed(call: Caller, name: str, code: str) -> None:
    """Behaviour 59: for every kind of write."""
    with wire(in_the_way(2, code)):
        assert call(name).status < 300


@pytest.mark.parametrize(("name", "code"), PAIRS)
def test_a_conflict_that_stays_is_503(call: Caller, waits: list[float], name: str, code: str) -> None:
    """Behaviour 59: attempts are bounded, with waits between them, and nothing is written."""
    before = dump_table()
    with wire(in_the_way(FOREVER, code)) as sent:
        answer = call(name)
    writes = [request for request in sent if request.operation == "TransactWriteItems"]
    assert (answer.status, "retry-after" in answer.headers, dump_table()) == (503, True, before)
    # After a confirmed password the failures are read once more before any error is returned.
    assert (len(writes) <= 2 * ATTEMPTS, sum(waits) < 15) == (True, True)


@pytest.mark.parametrize("code", ["TransactionInProgressException", "TransactionConflictException"])
@pytest.mark.parametrize("name", ["create", "rename"])
def test_a_transaction_in_progress_is_waited_for(call: Caller, name: str, code: str) -> None:
    """Behaviour 59: other reasons with the same meaning."""
    with wire(first(2, "TransactWriteItems", lambda: refusal(code))):
        assert call(name).status < 300


@pytest.mark.parametrize("mixed", [[], ["TransactionConflict"]])
def test_a_taken_name_is_409_also_beside_a_conflict(call: Caller, mixed: list[str]) -> None:
    """Behaviour 59: a failed condition takes precedence over other reasons; the call is counted then."""
    call("sign up")
    reasons = ["None", "ConditionalCheckFailed", *mixed]  # the user itself is new, its name is taken
    with wire(first(1, "TransactWriteItems", lambda: cancelled(*reasons))) as sent:
        answer = call("sign up")
    writes = [request.body["TransactItems"] for request in sent if request.operation == "TransactWriteItems"]
    assert (answer.status, [len(items) for items in writes[1:]]) == (409, [1])


class Engine:
    """DynamoDB's memory of client request tokens, losing answers: a repeated one has no second effect."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self.tokens: dict[str, Wired] = {}
        self.asked: list[str] = []

    def __call__(self, sent: Sent, forward: Forward) -> Wired:
        """Commit once for each token, and lose the first answers."""
        if sent.operation != "TransactWriteItems":
            return forward()
        token = sent.body["ClientRequestToken"]
        self.asked.append(token)
        if token not in self.tokens:
            self.tokens[token] = forward()
        if len(self.asked) <= self.lost:
            return lose()
        return self.tokens[token]


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("lost", [1, 2])
def test_an_answer_that_was_lost_leaves_one_effect(call: Caller, name: str, lost: int) -> None:
    """Behaviour 59: timeout after commit: the repetition carries the same token, so there is one effect."""
    engine = Engine(lost)
    assert effect(call, name, engine) == EFFECTS[name]
    assert (len(engine.asked), len(set(engine.asked))) == (lost + 1, 1)


@pytest.mark.parametrize("name", CALLS)
def test_a_lost_answer_is_not_noticed(call: Caller, name: str) -> None:
    """Behaviour 59: for every kind of write the caller learns the actual effect."""
    with wire(Engine(1)):
        assert call(name).status < 300


def test_two_requests_never_share_a_token(call: Caller) -> None:
    """Behaviour 59: the same request twice is two effects."""
    engine = Engine(0)
    with wire(engine):
        for _ in range(2):
            call("create")
    assert (len(engine.asked), len(set(engine.asked))) == (2, 2)


def test_a_write_that_never_ends_leaves_no_marker(call: Caller) -> None:
    """Behaviour 62: an abandoned sign-up leaves no marker."""
    before = present_keys()
    with wire(first(FOREVER, "TransactWriteItems", lose)):
        status = call("sign up").status
    assert (status, present_keys()) == (503, before)
