"""The job that delivers letters: none is lost, none is sent in vain, and repetitions are recognizable."""

from collections.abc import Callable
from dataclasses import replace as replaced
from typing import Any

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.db.table import delete_many
from chalicelib.errors import ServiceUnavailableError
from chalicelib.events import EventName
from chalicelib.letters import delivery
from chalicelib.letters.delivery import wait_after
from chalicelib.letters.message import Message
from chalicelib.letters.models import Letter
from chalicelib.letters.outbox import TEMPLATES
from chalicelib.letters.senders import NotSentError, as_email
from chalicelib.security.links import link_of, token_of
from chalicelib.users.models import User
from tests.api import audit_tools
from tests.api.audit_tools import Trail
from tests.faults import Forward, Killed, Rule, Sent, Wired, cancelled, first, killed_before_write, wire
from tests.letters.conftest import Clock
from tests.letters.mail_tools import ADDRESS, outbox, run, told
from tests.log_tools import deployed_log
from tests.support import NOBODY, a_context, items_naming

pytestmark = pytest.mark.in_process("runs the job in this process")
trail = audit_tools.trail  # a fixture
HOUR, DAY = 3600, 86400


class Server:
    """Takes letters, or refuses them."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.attempts = 0
        self.is_down = False

    def __call__(self, message: Message) -> None:
        """Take a letter."""
        self.attempts += 1
        if self.is_down:
            raise NotSentError("SMTP: SMTPConnectError 421")
        self.taken.append(message)


@pytest.fixture
def server() -> Server:
    """A server that is up."""
    return Server()


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_letter_is_sent_once_and_deleted(user: User, server: Server, name: EventName) -> None:
    """Nothing of it stays in the table."""
    letter = told(
        name, user.id, to=ADDRESS, link=keys.new_id(), values={"team": "Explorers", "inviter": "bob"}
    )
    assert [run(server), run(server)] == [{"sent": 1}, {}]
    assert ([message.id for message in server.taken], outbox(), items_naming(letter.id)) == (
        [letter.id],
        [],
        [],
    )


def test_a_letter_goes_to_the_address_of_that_time(user: User, server: Server) -> None:
    """An account may get another address in the meantime; a letter to a given address goes there."""
    told("password_change", user.id)
    told("email_change", user.id, to="old@test.example")
    user.update([User.email.set("new@test.example")])
    run(server)
    assert sorted(message.to for message in server.taken) == ["new@test.example", "old@test.example"]


def test_what_opens_a_link_is_made_when_it_is_sent(user: User, server: Server) -> None:
    """The table holds the id of the link only; the letter holds what opens it."""
    link = keys.new_id()
    told("password_reset_request", user.id, link=link)
    token = token_of(application.api.keystore.keyring(), link)
    assert items_naming(token) == []
    run(server)
    (message,) = server.taken
    assert f"http://127.0.0.1:8000/account/reset?token={token}" in message.text
    assert link_of(application.api.keystore.keyring(), token) == link


def test_a_domain_stands_in_links(user: User, server: Server) -> None:
    """PUBLIC_URL is what they begin with; a deployed stage without it sends none that is wrong."""
    told("password_reset_request", user.id, link=keys.new_id())
    for url in (None, "https://api.test.example/"):
        settings = replaced(application.settings, stage="prod", public_url=url)
        outbox()[0].update([Letter.due.set(0)])
        delivery.deliver(a_context(settings=settings), delivery.due(), server)
    (message,) = server.taken
    assert "https://api.test.example/account/reset?token=" in message.text


@pytest.mark.parametrize("letters", [1, 3])
def test_an_account_that_is_gone_gets_no_letter(user: User, server: Server, letters: int) -> None:
    """Its letters are deleted unsent."""
    for _ in range(letters):
        told("password_change", user.id)
    delete_many([user.key])
    assert (run(server), server.attempts, outbox()) == ({"dropped": letters}, 0, [])


@pytest.mark.parametrize(("name", "to"), [("user_creation", None), ("invitation", ADDRESS)])
def test_a_link_that_is_gone_is_not_sent(user: User, server: Server, name: EventName, to: str | None) -> None:
    """It was used, or the invitation was withdrawn: it would lead to an error."""
    link = keys.new_id()
    told(name, None if to else user.id, to=to, link=link)
    delete_many([TEMPLATES[name].place(link)])
    assert (run(server), server.attempts, outbox()) == ({"dropped": 1}, 0, [])


@pytest.mark.parametrize(("name", "lasts"), [("password_reset_request", HOUR // 2), ("user_creation", DAY)])
def test_a_link_that_has_ended_is_not_sent(
    *, user: User, server: Server, clock: Clock, trail: Trail, name: EventName, lasts: int
) -> None:
    """It would lead nowhere: an event says that the letter was given up."""
    told(name, user.id, link=keys.new_id())
    clock.ahead = lasts
    assert (run(server), server.attempts, outbox()) == ({"given_up": 1}, 0, [])
    clock.ahead = 0
    (event,) = trail(user_id=user.id)
    assert (event["event"], event["outcome"], event["details"]) == (
        "letter_delivery",
        "failure",
        {"letter": name},
    )


def test_a_server_that_is_down_for_an_hour_loses_nothing(user: User, server: Server, clock: Clock) -> None:
    """The waits grow: few attempts, and then the letters arrive, each once."""
    letters = [told("password_change", user.id).id for _ in range(3)]
    server.is_down = True
    for _ in range(60):
        run(server)
        clock.ahead += 60
    assert server.attempts == 3 * len([2, 4, 8, 16, 32])
    server.is_down = False
    for _ in range(60):
        run(server)
        clock.ahead += 60
    assert (sorted(message.id for message in server.taken), outbox()) == (letters, [])


def test_a_job_that_was_down_for_days_says_what_it_gives_up(
    user: User, server: Server, clock: Clock, trail: Trail
) -> None:
    """No letter goes silently, even if nothing ran for longer than one is tried."""
    told("password_change", user.id)
    clock.ahead = 5 * DAY
    assert (run(server), server.attempts, outbox()) == ({"given_up": 1}, 0, [])
    clock.ahead = 0
    assert trail.names(user_id=user.id) == ["letter_delivery"]


def test_attempts_grow_rarer() -> None:
    """Two minutes at first, more than a run may take; an hour at most."""
    waits = [wait_after(number) for number in range(1, 30)]
    assert (waits[:6], max(waits)) == ([120, 240, 480, 960, 1920, 3600], HOUR)


def test_of_two_runs_one_sends(user: User, server: Server) -> None:
    """A letter that another run has leased in the meantime is left to it."""
    letter = told("password_change", user.id)
    (stale,) = outbox()
    context = a_context()

    def other(message: Message) -> None:
        assert delivery.deliver(context, [stale], server) == {"left": 1}
        server(message)

    assert delivery.deliver(context, [letter], other) == {"sent": 1}
    assert server.attempts == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(7))
def test_a_run_that_is_killed_loses_no_letter(
    *, user: User, server: Server, clock: Clock, number: int, after: bool
) -> None:
    """Killed before or after each request to the table: what was sent and not deleted is sent again."""
    letters = {told("password_change", user.id).id for _ in range(2)}
    with pytest.raises(Killed), wire(killed_at(number, after=after)):
        run(server)
    sent = len(server.taken)
    waiting = {letter.id for letter in outbox()}
    again = [message.id for message in server.taken if message.id in waiting]
    for _ in range(3):
        clock.ahead += HOUR
        run(server)
    ids = [as_email(message)["Message-ID"] for message in server.taken]
    assert (len(set(ids)), {message.id for message in server.taken}, outbox()) == (2, letters, [])
    assert (len(ids), len(again) <= 1, sent <= 2) == (2 + len(again), True, True)


def killed_at(number: int, *, after: bool) -> Rule:
    """End the process before or after the request of this number, counted from zero."""
    seen: list[Sent] = []

    def rule(sent: Sent, forward: Forward) -> Wired:
        seen.append(sent)
        if len(seen) == number + 1:
            if after:
                forward()
            raise Killed
        return forward()

    return rule


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_run_that_is_killed_while_it_sends_loses_no_letter(
    *, user: User, server: Server, clock: Clock, after: bool
) -> None:
    """Before the server has the letter, or right after: it arrives."""
    told("password_change", user.id)

    def killed(message: Message) -> None:
        if after:
            server(message)
        raise Killed

    with pytest.raises(Killed):
        run(killed)
    assert run(server) == {}  # leased
    clock.ahead += HOUR
    assert (run(server), len(server.taken), outbox()) == ({"sent": 1}, 1 + after, [])
    assert len({as_email(message)["Message-ID"] for message in server.taken}) == 1


def test_a_killed_giving_up_is_done_again(user: User, server: Server, clock: Clock, trail: Trail) -> None:
    """Event and deletion are one transaction: one event, not none or two."""
    told("password_change", user.id)
    clock.ahead = DAY
    with pytest.raises(Killed), wire(killed_before_write(0)):
        run(server)
    assert run(server) == {"given_up": 1}
    clock.ahead = 0
    assert trail.names(user_id=user.id) == ["letter_delivery"]


def test_a_table_that_throttles_loses_no_letter(user: User, server: Server, clock: Clock) -> None:
    """A lease that fails sends nothing; a deletion that fails is repeated."""
    told("password_change", user.id)
    with wire(first(2, "TransactWriteItems", lambda: cancelled("TransactionConflict"))):
        assert run(server) == {"sent": 1}
    told("password_change", user.id)
    with wire(first(99, "BatchGetItem", lambda: (500, {}, "{}"))), pytest.raises(ServiceUnavailableError):
        run(server)
    clock.ahead += HOUR
    assert (run(server), len(server.taken)) == ({"sent": 1}, 2)


def test_one_bad_letter_keeps_no_other_waiting(user: User, server: Server) -> None:
    """Whatever goes wrong with it, the next one is sent."""
    bad, good = told("password_change", user.id).id, told("password_change", user.id).id

    def picky(message: Message) -> None:
        if message.id == bad:
            raise KeyError("unforeseen")
        server(message)

    assert (run(picky), [message.id for message in server.taken]) == ({"failed": 1, "sent": 1}, [good])


def test_failures_are_logged_without_addresses(user: User, server: Server) -> None:
    """What servers say quotes addresses: only the kind of the failure is logged."""
    told("password_change", user.id)

    def refuse(message: Message) -> None:
        raise ValueError(message.to)

    with deployed_log(application.settings) as log:
        run(refuse)
    assert (user.email in log.text, "ValueError" in log.text) == (False, True)


def test_a_letter_of_an_event_that_is_no_longer_told_is_deleted(user: User, server: Server) -> None:
    """A later version may have fewer templates."""
    told("password_change", user.id).update([Letter.event.set("of_yesterday")])
    assert (run(server), server.attempts, outbox()) == ({"dropped": 1}, 0, [])


def records(*letters: Letter) -> dict[str, Any]:
    """An event of the table's stream."""
    names = [{"pk": {"S": letter.pk}, "sk": {"S": letter.sk}} for letter in letters]
    return {"Records": [{"eventName": "INSERT", "dynamodb": {"Keys": each}} for each in names]}


Invoke = Callable[[Any], dict[str, int]]


@pytest.fixture
def invoke(server: Server, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """The function as Lambda invokes it."""
    monkeypatch.setattr(delivery, "sender_of", lambda *_: server)
    return lambda event: application.send_letters(event, None)


def test_the_stream_delivers_at_once_what_it_names(user: User, server: Server, invoke: Invoke) -> None:
    """The index may lag behind the stream: letters are read by their keys. The schedule sends the others."""
    letters = [told("password_change", user.id) for _ in range(3)]
    assert invoke(records(letters[1], letters[1])) == {"sent": 1}
    assert [message.id for message in server.taken] == [letters[1].id]
    assert (invoke(records(letters[1])), invoke({"source": "aws.events"})) == ({}, {"sent": 2})


def test_a_letter_is_given_up_after_a_day(
    *, user: User, server: Server, clock: Clock, trail: Trail, invoke: Invoke
) -> None:
    """With an audit event, and a metric that an alarm looks at."""
    told("password_change", user.id)
    server.is_down = True
    with deployed_log(application.settings) as log:
        for _ in range(26):
            invoke({"source": "aws.events"})
            clock.ahead += HOUR
        (line,) = [line for line in log.of("job") if "letters_given_up" in line]
    assert (line["letters_given_up"], outbox(), 20 < server.attempts < 40) == (1, [], True)
    clock.ahead = 0
    assert trail.names(user_id=user.id) == ["letter_delivery"]


def test_each_run_of_the_function_is_logged(user: User, invoke: Invoke) -> None:
    """One line, with what became of how many letters."""
    told("password_change", user.id)
    with deployed_log(application.settings) as log:
        invoke({"source": "aws.events"})
    (line,) = log.of("job")
    assert (line["operation"], line["sent"]) == ("send_letters", 1)


def test_a_stage_that_sends_no_email_any_more_keeps_its_letters(user: User, server: Server) -> None:
    """They wait until MAIL is back, or TTL sweeps them."""
    told("password_change", user.id)
    silent = a_context(settings=replaced(application.settings, mail=None))
    assert (delivery.deliver(silent, delivery.due(), server), len(outbox())) == ({}, 1)


def test_nothing_is_read_of_accounts_without_letters(
    table: None, server: Server, round_trips: list[str]
) -> None:
    """A run with nothing to do is one query."""
    round_trips.clear()
    assert (run(server), round_trips) == ({}, ["Query"])


def test_a_letter_takes_three_requests(user: User, server: Server, round_trips: list[str]) -> None:
    """Lease, account, deletion."""
    told("password_change", user.id)
    round_trips.clear()
    run(server)
    assert round_trips == ["Query", "TransactWriteItems", "BatchGetItem", "TransactWriteItems"]


def test_nobody_is_nobody(table: None, server: Server) -> None:
    """An account that never was is as one that is gone."""
    told("password_change", NOBODY)
    assert run(server) == {"dropped": 1}
