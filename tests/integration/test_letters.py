"""Letters on AWS's DynamoDB Local: runs of the job that race each other."""

import threading
from collections import Counter
from functools import partial

import pytest

from chalicelib.letters import delivery
from chalicelib.letters.message import Message
from chalicelib.listeners import LISTENERS
from chalicelib.users.models import User
from tests.integration.crowd import at_once
from tests.letters import conftest
from tests.letters.mail_tools import outbox, told
from tests.support import a_context

pytestmark = pytest.mark.integration
sends = conftest._sends  # a fixture, for all tests of this module
LETTERS = 10
RUNS = 20


def test_of_many_runs_at_once_one_sends_each_letter(user: User) -> None:
    """Each letter is leased by one of them; the others leave it."""
    ids = {told("password_change", user.id).id for _ in range(LETTERS)}
    sent: list[str] = []
    lock = threading.Lock()

    def send(message: Message) -> None:
        with lock:
            sent.append(message.id)

    waiting = delivery.due()
    context = a_context(listeners=LISTENERS)
    outcomes = at_once([partial(delivery.deliver, context, waiting, send)] * RUNS)
    total: Counter[str] = sum((Counter(each) for each in outcomes), Counter())
    assert (sorted(sent), outbox()) == (sorted(ids), [])
    assert total == {"sent": LETTERS, "left": LETTERS * (RUNS - 1)}
