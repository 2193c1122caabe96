"""A POST that is sent again with its Idempotency-Key: one effect, and the first answer again."""

import re
from collections.abc import Callable
from dataclasses import replace as replace_fields
from functools import partial
from typing import Any

import pytest
from chalice.app import Chalice

import app as application
from chalicelib.idempotency import KEPT_FOR, KeptAnswer
from chalicelib.rate_limit import rate_limit
from chalicelib.settings import LOCAL_URL, Settings
from chalicelib.teams.handlers import create_team, get_team
from chalicelib.teams.schemas import TeamInputSchema
from chalicelib.users.models import User
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.endpoint import Api
from chalicelib.web.headers import IDEMPOTENCY_KEY
from chalicelib.web.openapi.document import build
from chalicelib.web.operation import Operation, Takes
from tests.architecture.source import ROOT
from tests.faults import Forward, Sent, altered, wire
from tests.http import Answer, Client, InProcess
from tests.repeating import CLIENTS, KEY, POSTS, TEAMS, Sender, documented, effects, lasting
from tests.support import MakeClient, MakeUser, TokenFor, dump_table, replace

CORE = ("oauth", "teams", "users")


@pytest.fixture
def send(
    api: Client, user: User, make_user: MakeUser, make_client: MakeClient, token_for: TokenFor
) -> Sender:
    """A user who leads a team and has a client."""
    make_client("own", user)
    token = token_for(user)
    team = api("POST", TEAMS, token=token, data={"title": "Engines"}).json["id"]
    return Sender(api, token, {"team": team, "other": make_user("other").id})


@pytest.mark.parametrize("name", POSTS)
def test_the_same_request_gets_the_same_answer(send: Sender, name: str) -> None:
    """Behaviour 64: status, headers and body are those of the first time, and the table stays as it is."""
    first = send(name)
    before = effects()
    again = send(name)
    assert first.status in (200, 201)
    assert lasting(again) == lasting(first)
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert effects() == before


@pytest.mark.parametrize("name", POSTS)
def test_it_costs_no_round_trip_more(send: Sender, name: str, round_trips: list[str]) -> None:
    """Behaviour 64: the key is read and written with everything else; a replay writes nothing."""
    found = []
    for key in (KEY, KEY):
        round_trips.clear()
        send(name, key)
        found.append(list(round_trips))
    assert found == [["BatchGetItem", "TransactWriteItems"], ["BatchGetItem"]]


def test_another_request_is_refused(send: Sender) -> None:
    """Behaviour 64: 422 for another body, another query and another path; nothing is changed."""
    send("create_team")
    before = effects()
    answer = send("create_team", data={"title": "Mills"})
    assert (answer.status, "new key" in answer.json["detail"]) == (422, True)
    assert effects() == before
    send("rotate_oauth2_client_secret", "rotation")
    path = f"{CLIENTS}/own/secret?overlap=0"
    assert send.api("POST", path, token=send.token, headers={"Idempotency-Key": "rotation"}).status == 422


def test_a_key_is_bound_to_the_caller_and_the_operation(
    send: Sender, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Behaviour 64: another account, client or operation may use the same text, and gets its own answer."""
    found = [send("create_team"), send("create_team", token=token_for(make_user("third")))]
    found.append(send("create_oauth2_client"))
    assert [answer.status for answer in found] == [201] * 3
    assert len({answer.body for answer in found}) == 3
    assert not any("idempotent-replayed" in answer.headers for answer in found)


def test_a_sign_up_is_bound_to_the_address(send: Sender) -> None:
    """Behaviour 64: from another address the same key and body are another request."""
    first = send("create_user")
    assert (send("create_user").status, first.status) == (201, 201)
    assert send("create_user", source="203.0.113.9").status == 409


def test_the_text_is_the_key_in_quotes_or_without(send: Sender) -> None:
    """The draft wants a string of RFC 9651; the bare text that most clients send means the same."""
    first = send("create_team", f'"{KEY}"')
    assert send("create_team", KEY).body == first.body
    assert send("create_team", f"  {KEY} ").body == first.body


@pytest.mark.parametrize("bad", ["", '""', " ", "a" * 256, f'"{"a" * 256}"', '"a', "a, b", "a;b", "ä", "a b"])
def test_what_is_no_key_is_refused(send: Sender, bad: str) -> None:
    """Behaviour 64: 400 that says what to send; nothing is written."""
    before = effects()
    answer = send("create_team", bad)
    assert (answer.status, "UUID" in answer.json["detail"]) == (400, True)
    assert effects() == before


@pytest.mark.parametrize("good", ["a", "a" * 255, f'"{"a b" * 85}"', "~!#$%&'()*+-./:<=>?@[]^_`{|}"])
def test_what_is_a_key_is_taken(send: Sender, good: str) -> None:
    """1 to 255 visible characters, in quotes blanks too."""
    assert send("create_team", good).body == send("create_team", good).body


def test_a_refusal_is_not_kept(send: Sender, make_user: MakeUser) -> None:
    """Behaviour 64: once its cause is gone, the same request succeeds under the same key."""
    other = send.ids["other"]
    send.ids["other"] = make_user("gone").id
    User.get(f"USER#{send.ids['other']}", "USER").delete()
    assert send("create_member").status == 404
    send.ids["other"] = other
    assert send("create_member").status == 201


def test_a_replay_needs_the_scope_and_a_living_token(send: Sender, user: User, token_for: TokenFor) -> None:
    """Behaviour 64: an answer is told again only to whoever may still call; a disabled account gets 401."""
    send("create_team")
    weak = token_for(user, "users:read")
    assert send("create_team", token=weak).status == 403
    user.refresh()
    user.update([User.is_active.set(False)])
    assert send("create_team").status == 401


@pytest.mark.in_process("changes what the table answers")
def test_a_refusal_that_the_request_has_caused_itself_is_no_refusal(send: Sender) -> None:
    """Behaviour 64: the first one may take effect while the second one reads; then it is decided again."""

    def overlook(_: Sent, answer: dict[str, Any]) -> None:
        for items in answer["Responses"].values():
            items[:] = [item for item in items if item["kind"]["S"] != "kept_answer"]

    headers = {"Idempotency-Key": KEY, "If-Match": '"1"'}
    first = send("rotate_oauth2_client_secret", headers=headers)
    with wire(altered(1, "BatchGetItem", overlook)):
        again = send("rotate_oauth2_client_secret", headers=headers)
    assert (first.status, lasting(again)) == (200, lasting(first))
    other = send("rotate_oauth2_client_secret", headers={**headers, "Idempotency-Key": "another"})
    assert other.status == 412


def test_an_answer_is_kept_for_a_day(send: Sender) -> None:
    """Behaviour 64: expiry is checked, whatever DynamoDB's TTL has swept; then it is a new request."""
    first = send("create_team")
    (kept,) = KeptAnswer.scan(KeptAnswer.kind == KeptAnswer)
    assert abs(kept.expires_at - kept.created.timestamp() - KEPT_FOR) < 5
    kept.update([KeptAnswer.expires_at.set(1)], add_version_condition=False)
    second = send("create_team")
    assert (second.status, second.json["id"] != first.json["id"]) == (201, True)
    assert "idempotent-replayed" not in second.headers
    assert send("create_team").body == second.body


@pytest.mark.parametrize("name", POSTS)
def test_the_table_tells_nothing_of_keys_requests_and_answers(send: Sender, name: str) -> None:
    """Behaviour 28, 64: neither the key nor the body nor a secret of the answer stands in what is kept."""
    answer = send(name).json
    kept = str([item for item in dump_table() if item["kind"]["S"] == "kept_answer"])
    values = [KEY, *answer.values(), *(POSTS[name][1] or {}).values()]
    # by chance, three letters stand in any long base64
    texts = [str(value) for value in values if len(str(value)) > 5]
    assert (kept != "[]", [text for text in texts if text in kept]) == (True, [])


def test_the_same_answer_is_never_sealed_alike(send: Sender) -> None:
    """Each sealing has a nonce of its own, and another key opens nothing."""
    send("create_team", "one")
    send("create_team", "two")
    first, second = KeptAnswer.scan(KeptAnswer.kind == KeptAnswer)
    assert (first.answer != second.answer, first.request != second.request) == (True, True)


def test_a_key_that_an_operation_does_not_heed_is_ignored(send: Sender) -> None:
    """GET and PATCH are repeatable by themselves: even a malformed key changes nothing."""
    headers = {"Idempotency-Key": ""}
    path = f"{TEAMS}/{send.ids['team']}"
    assert send.api("GET", path, token=send.token, headers=headers).status == 200
    patch = [replace("/title", "Looms")]
    assert send.api("PATCH", path, token=send.token, data=patch, headers=headers).status == 200


def test_without_a_key_nothing_is_kept(send: Sender) -> None:
    """Behaviour 64: two requests without a key are two requests."""
    found = [send("create_team", None) for _ in range(2)]
    assert found[0].json["id"] != found[1].json["id"]
    assert not any(item["kind"]["S"] == "kept_answer" for item in dump_table())


def posts() -> dict[str, bool]:
    """Every POST operation, and whether it heeds the key."""
    return {each.name: IDEMPOTENCY_KEY in each.headers for each in documented() if each.method == "POST"}


def test_the_table_of_what_a_key_does_holds_every_post_that_ignores_it() -> None:
    """docs/idempotency.md says of each what a repetition does."""
    text = (ROOT / "docs" / "idempotency.md").read_text("utf-8")
    rows = re.findall(r"^\| (`\w+`.*?) \|", text, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert told == {name for name, heeds in posts().items() if not heeds}


def test_each_of_them_is_tried_here() -> None:
    """A new POST needs a row in tests/repeating.py; those of rooms are tried in tests of their own."""
    heeding = [each for each in documented() if IDEMPOTENCY_KEY in each.headers]
    core = {each.name for each in heeding if each.handler.__module__.split(".")[1] in CORE}
    assert core - POSTS.keys() == set()


@pytest.mark.in_process("serves an operation of its own")
def test_an_operation_may_need_a_key(table: None, settings: Settings) -> None:
    """Behaviour 64: without one it is 400 that says what to send; the document has it as required."""
    takes = Takes(body=TeamInputSchema, needs_key=True)
    operation = Operation(access=Access(PUBLIC), takes=takes)(lambda call: call.body)
    app = Chalice(app_name="strict")
    api = Api(app, settings, application.api.keystore, application.api.authenticator)
    api.route("POST", "/x", operation)
    send = partial(Client(InProcess(app)), "POST", "/x", data={"title": "Engines"})
    refused, taken = send(), send(headers={"Idempotency-Key": KEY})
    assert (refused.status, "UUID" in refused.json["detail"], taken.status) == (400, True, 200)
    (shown,) = build(api.operations, {}, LOCAL_URL)["paths"]["/x"]["post"]["parameters"]
    assert (shown["name"], shown["required"]) == ("Idempotency-Key", True)


@pytest.fixture
def one_a_day(table: None, settings: Settings, user: User, token_for: TokenFor) -> Callable[..., Answer]:
    """Creates teams, one a day."""
    access = replace_fields(create_team.access, limit=rate_limit("1/day"))
    strict = replace_fields(settings, rate_limit_factor=1)
    app = Chalice(app_name="limited")
    api = Api(app, strict, application.api.keystore, application.api.authenticator)
    api.route("POST", TEAMS, replace_fields(create_team, access=access))
    api.route("GET", f"{TEAMS}/{{team_id}}", get_team)
    return partial(Client(InProcess(app)), "POST", TEAMS, token=token_for(user))


@pytest.mark.in_process("serves operations of its own")
def test_a_replay_is_told_when_the_limit_is_used_up(one_a_day: Callable[..., Answer]) -> None:
    """Behaviour 64: and does not count; any other request is 429, with this key, too."""
    headers, data = {"Idempotency-Key": KEY}, {"title": "Looms"}
    first, other = one_a_day(headers=headers, data=data), one_a_day(data=data)
    again, misused = (
        one_a_day(headers=headers, data=data),
        one_a_day(headers=headers, data={"title": "Mills"}),
    )
    assert [each.status for each in (first, other, again, misused)] == [201, 429, 201, 429]
    assert (lasting(again), again.headers["ratelimit"]) == (lasting(first), first.headers["ratelimit"])


@pytest.mark.in_process("stands between botocore and the table")
def test_the_loser_of_a_race_for_the_last_call_gets_the_answer(one_a_day: Callable[..., Answer]) -> None:
    """Behaviour 64: the same request comes in between, and takes what the limit left."""
    send = partial(one_a_day, headers={"Idempotency-Key": KEY}, data={"title": "Looms"})
    winners: list[Answer] = []

    def overtake(sent: Sent, forward: Forward) -> Any:
        if sent.operation == "TransactWriteItems" and not winners:
            winners.append(Answer(0, {}, b""))
            winners[:] = [send()]
        return forward()

    with wire(overtake):
        loser = send()
    assert (winners[0].status, lasting(loser)) == (201, lasting(winners[0]))
    assert loser.headers["idempotent-replayed"] == "true"


def test_an_answer_takes_the_room_that_it_has(send: Sender) -> None:
    """Behaviour 64: text of any script is kept as UTF-8, which base64 makes a third longer."""
    bodies, kept = list[int](), list[int]()
    for title in ("x" * 50, "ब" * 50):
        answer = send("create_team", str(len(bodies)), data={"title": title})
        bodies.append(len(answer.body))
        kept.append(sum(len(each.answer) for each in KeptAnswer.scan(KeptAnswer.kind == KeptAnswer)))
    assert kept[1] - 2 * kept[0] <= 4 / 3 * (bodies[1] - bodies[0]) + 4
