"""`invoke letters.*`: what waits, and trying it again."""

import time
from typing import Any

import pytest

from chalicelib.db import keys
from chalicelib.users.models import User
from tasks import letters
from tasks.errors import TaskError
from tests.letters.mail_tools import outbox, run, told
from tests.support import NOBODY, a_context

pytestmark = pytest.mark.in_process("runs tasks in this process")


def refuse(_message: Any) -> None:
    """Take no letter."""
    raise OSError


def test_what_waits_is_shown(user: User, capsys: pytest.CaptureFixture[str]) -> None:
    """With what it tells of, to whom, and how often it was tried; never what opens a link."""
    mine = told("password_change", user.id)
    told("invitation", to="ada@test.example", link=keys.new_id())
    run(refuse)
    letters.show(None)
    shown = capsys.readouterr().out
    assert f"{mine.id}  password_change  to user {user.id}  1 attempts, due 2" in shown
    assert "invitation  to ada@test.example" in shown
    assert shown.endswith("2 letters wait.\n")
    letters.show(1)
    assert capsys.readouterr().out.endswith("1 letters wait.\n")


def test_letters_are_tried_again_when_somebody_says_so(user: User) -> None:
    """One, or all that wait for another attempt; those that are due already stay as they are."""
    one, other = told("password_change", user.id), told("password_change", user.id)
    run(refuse)
    assert letters.resend(a_context(), one.id) == 1
    assert [letter.id for letter in outbox() if letter.due <= time.time()] == [one.id]
    assert letters.resend(a_context(), "") == 1
    assert all(letter.listed() == (letter.gsi1pk, letter.gsi1sk) for letter in outbox())
    sent: list[str] = []
    assert run(lambda message: sent.append(message.id)) == {"sent": 2}
    assert sorted(sent) == sorted([one.id, other.id])


def test_a_letter_that_does_not_wait_cannot_be_tried_again(table: None) -> None:
    """It was sent, or never was."""
    with pytest.raises(TaskError, match="No letter with this id waits"):
        letters.resend(a_context(), NOBODY)
    assert letters.resend(a_context(), "") == 0
