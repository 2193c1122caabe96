"""Idempotency keys on AWS's DynamoDB Local: crowds, kills and lost answers."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

import app as application
from chalicelib.users.models import User
from tests.faults import Killed
from tests.http import Answer, Client, InProcess
from tests.integration.crowd import at_once, statuses
from tests.integration.wire import Send, between, conflicts, lost_answer, no_answers
from tests.repeating import KEY, POSTS, TEAMS, Sender, effects, lasting
from tests.support import MakeClient, MakeUser, TokenFor, dump_table

pytestmark = pytest.mark.integration

CROWD = 50


def kinds() -> Counter[str]:
    """How many items of each kind there are; the shard that a counter's write goes to is drawn by lot."""
    return Counter(
        item["kind"]["S"] for item in dump_table() if item["kind"]["S"] not in ("counter", "tally")
    )


@pytest.mark.parametrize("share", [10, pytest.param(CROWD, marks=pytest.mark.slow)])
def test_50_threads_with_50_keys_have_50_effects(
    api: Client, make_user: MakeUser, token_for: TokenFor, share: int
) -> None:
    """Behaviour 64: some or all threads send a key; each request gets its answer, and there are 50 teams."""
    tokens = [token_for(make_user(f"user{number}")) for number in range(CROWD)]

    def create(number: int) -> Answer:
        headers = {"Idempotency-Key": f"key-{number}"}
        data = {"title": f"Team {number}"}
        return api("POST", TEAMS, token=tokens[number], data=data, headers=headers)

    def create_all(thread: int) -> list[Answer]:
        return [create(share * (thread % (CROWD // share)) + turn) for turn in range(share)]

    answers = [each for found in at_once(partial(create_all, n) for n in range(CROWD)) for each in found]
    assert statuses(answers) == {201: share * CROWD}
    assert len({answer.json["id"] for answer in answers}) == CROWD
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == CROWD
    assert (kinds()["team"], kinds()["member"], kinds()["kept_answer"]) == (CROWD, CROWD, CROWD)


def test_transactions_that_meet_have_one_effect(api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 64: where AWS cancels one of two transactions, it is decided again and replays."""
    token = token_for(user)
    create = partial(
        api, "POST", TEAMS, token=token, data={"title": "Looms"}, headers={"Idempotency-Key": KEY}
    )
    with conflicts() as seen:
        answers = at_once([create] * 10)
    assert seen["cancelled"] > 0
    assert statuses(answers) == {201: 10}
    assert len({answer.body for answer in answers}) == 1
    assert kinds()["team"] == 1


@pytest.fixture
def send(
    table: None, user: User, make_user: MakeUser, make_client: MakeClient, token_for: TokenFor
) -> Sender:
    """A user who leads a team and has a client, in this very thread."""
    api, token = Client(InProcess(application.app)), token_for(user)
    make_client("own", user)
    team = api("POST", TEAMS, token=token, data={"title": "Engines"}).json["id"]
    return Sender(api, token, {"team": team, "other": make_user("other").id})


@contextmanager
def killed(number: int, *, after: bool) -> Iterator[list[int]]:
    """End the process at the call of this number, before it is sent or after it was answered."""
    calls: list[int] = []

    def act(request: AWSPreparedRequest, forward: Send) -> Any:
        calls.append(len(calls))
        if len(calls) == number + 1 and not after:
            raise Killed
        answer = forward(request)
        if len(calls) == number + 1:
            raise Killed
        return answer

    with between(act):
        yield calls


@pytest.mark.parametrize("name", POSTS)
def test_a_kill_between_any_two_calls_leaves_both_or_neither(name: str, send: Sender) -> None:
    """Behaviour 64: wherever the process ends, effect and answer are both there or both absent."""
    before = kinds()
    with killed(10**6, after=True) as calls:
        expected = send(name, "undisturbed")
    effect = kinds() - before
    assert effect["kept_answer"] == 1
    for number in range(len(calls)):
        for after in (False, True):
            if name == "create_member":
                send.api(
                    "DELETE", f"{TEAMS}/{send.ids['team']}/members/{send.ids['other']}", token=send.token
                )
            fresh, start = fresh_data(name, f"{number}{after}"), kinds()
            with killed(number, after=after), pytest.raises(Killed):
                send(name, f"{number}-{after}", fresh)
            left = kinds() - start
            is_done = after and number == len(calls) - 1
            assert left == (effect if is_done else Counter())
            answers = [send(name, f"{number}-{after}", fresh) for _ in range(2)]
            assert [answer.status for answer in answers] == [expected.status] * 2
            assert lasting(answers[0]) == lasting(answers[1])
            assert ("idempotent-replayed" in answers[0].headers) == is_done
            assert kinds() - start == effect


def fresh_data(name: str, number: str) -> dict[str, Any] | None:
    """A body that can take effect beside those of before."""
    body = POSTS[name][1]
    if name != "create_user" or body is None:
        return body
    return {**body, "username": f"ada{number}", "email": f"ada{number}@test.example"}


@pytest.mark.parametrize("name", POSTS)
def test_after_a_lost_answer_the_same_request_gets_the_first_answer(name: str, send: Sender) -> None:
    """Behaviour 64: with every answer of the table cut off the caller is told to send it again, and may."""
    with no_answers():
        lost = send(name)
    told = lost.json["detail"]
    assert (lost.status, "retry-after" in lost.headers) == (503, True)
    assert "same Idempotency-Key" in told
    before = effects()
    again, third = send(name), send(name)
    assert (again.status, again.headers["idempotent-replayed"]) == (third.status, "true")
    assert again.status in (200, 201)
    assert lasting(again) == lasting(third)
    assert effects() == before


def test_a_time_out_of_the_engine_is_not_noticed(send: Sender) -> None:
    """Behaviour 59, 64: botocore asks again after the commit, and the answer is no replay."""
    with lost_answer(1):
        answer = send("create_team")
    assert (answer.status, "idempotent-replayed" in answer.headers) == (201, False)
    assert kinds()["kept_answer"] == 1
