"""Letters on AWS's DynamoDB Local: runs of the job that race each other, and one that is killed."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from email import message_from_bytes
from functools import partial
from typing import Any

import pytest

from chalicelib.db.table import Item
from chalicelib.letters import delivery
from chalicelib.letters.message import Message
from chalicelib.listeners import LISTENERS
from chalicelib.settings import Settings
from chalicelib.users.models import User
from tasks import letters
from tasks.processes import project_folder
from tests.integration.crowd import at_once
from tests.letters import conftest
from tests.letters.mail_tools import outbox, told
from tests.letters.test_senders import Mailbox, serving
from tests.ports import free_port
from tests.support import a_context

pytestmark = pytest.mark.integration
sends = conftest._sends  # a fixture, for all tests of this module
LETTERS = 10
RUNS = 20
JOB = "import app; print(app.send_letters({}, None))"


def test_of_many_runs_at_once_one_sends_each_letter(user: User) -> None:
    """Each letter is leased by one of them; the others leave it."""
    ids = {told("password_change", user.id).id for _ in range(LETTERS)}
    sent: list[str] = []
    lock = threading.Lock()

    def send(message: Message) -> None:
        with lock:
            sent.append(message.id)

    context = a_context(listeners=LISTENERS)
    # each has read them by itself, before any of them begins
    outcomes = at_once([partial(delivery.deliver, context, delivery.due(), send) for _ in range(RUNS)])
    total: Counter[str] = sum((Counter(each) for each in outcomes), Counter())
    assert (sorted(sent), outbox()) == (sorted(ids), [])
    assert total == {"sent": LETTERS, "left": LETTERS * (RUNS - 1)}


class Deadly(Mailbox):
    """A server that kills whoever sends it a letter, before it answers."""

    victim: subprocess.Popen[bytes] | None = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a letter."""
        answer = await super().handle_DATA(server, session, envelope)
        if self.victim:
            self.victim.send_signal(signal.SIGKILL)
        return answer


def start_job(settings: Settings, address: str) -> subprocess.Popen[bytes]:
    """Run the job in a process of its own."""
    environment = {
        **os.environ,
        "STAGE": "test",
        "TABLE_NAME": Item.Meta.table_name,
        "DYNAMODB_ENDPOINT": str(settings.dynamodb_endpoint),
        "SECRETS": str(settings.secrets),
        "MAIL": f"smtp://{address}",
        "MAIL_FROM": conftest.SENDER,
    }
    return subprocess.Popen(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", JOB], cwd=project_folder(), env=environment, stderr=subprocess.DEVNULL
    )


def finish_job(settings: Settings, address: str) -> None:
    """Run the job in a process of its own, to its end."""
    assert start_job(settings, address).wait(timeout=120) == 0


def test_a_process_that_is_killed_while_it_sends_loses_no_letter(user: User, settings: Settings) -> None:
    """SIGKILL after the server has the letter: it comes again, with the same Message-ID, and then no more."""
    told("password_change", user.id)
    mailbox = Deadly()
    with serving(mailbox, free_port()) as address:
        mailbox.victim = start_job(settings, address)
        assert mailbox.victim.wait(timeout=120) == -signal.SIGKILL
        assert (len(mailbox.taken), len(outbox())) == (1, 1)
        mailbox.victim = None
        finish_job(settings, address)
        assert len(mailbox.taken) == 1  # leased
        assert letters.resend(a_context(), "") == 1
        for _ in range(2):
            finish_job(settings, address)
    ids = [message_from_bytes(each)["Message-ID"] for each in mailbox.taken]
    assert (len(ids), len(set(ids)), outbox()) == (2, 1, [])
