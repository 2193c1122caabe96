"""`invoke db.check` knows letters."""

import pytest

from chalicelib.db import keys
from chalicelib.db.table import delete_many
from chalicelib.events import Event
from chalicelib.events import Letter as Facts
from chalicelib.letters.models import Letter
from chalicelib.users.models import User
from tasks.data.check import check
from tests.letters.conftest import Clock
from tests.letters.mail_tools import outbox, tell, told
from tests.support import perform

pytestmark = pytest.mark.in_process("checks the table of this process")


def checked(*, fix: bool = False) -> list[str]:
    """What a check says, without its summary."""
    said: list[str] = []
    check(fix=fix, say=said.append)
    return [line for line in said if "items:" not in line]


def test_letters_that_wait_are_sound(user: User) -> None:
    """Those of accounts, of addresses, and farewells."""
    told("password_change", user.id)
    facts = Facts(to="ada@test.example", link=keys.new_id())
    perform(tell, Event(name="invitation", letter=facts))
    told("account_erasure", user.id, to="ada@test.example")
    assert checked() == []


def test_a_letter_that_nobody_took_up_is_told(
    user: User, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """The job does not run: a person has to look why."""
    clock.ahead = -27 * 3600
    letter = told("password_change", user.id)
    clock.ahead = 0
    (line,) = checked(fix=True)
    assert (letter.id in line, "does send_letters run?" in line) == (True, True)


def test_what_is_wrong_with_letters_is_mended(user: User) -> None:
    """A place in the outbox that is not that of its time; a letter of an account that is gone."""
    told("password_change", user.id).update([Letter.gsi1sk.set(keys.due(1, user.id))])
    (line,) = checked(fix=True)
    assert "is not listed where it should be" in line
    (letter,) = outbox()
    assert letter.listed() == (letter.gsi1pk, letter.gsi1sk)
    delete_many([user.key, keys.username(user.username), keys.email(user.email)])
    assert any("its user is gone" in line for line in checked(fix=True))
    assert outbox() == []
