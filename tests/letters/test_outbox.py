"""The outbox: a letter is written with what it tells of, or not at all."""

from dataclasses import replace as replaced
from typing import Any

import pytest

import app as application
from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.errors import ConflictError
from chalicelib.events import EVENTS, Event
from chalicelib.events import Letter as Facts
from chalicelib.letters.outbox import TEMPLATES, write_letter
from chalicelib.settings import REQUIRED
from chalicelib.users.models import User
from tests.conftest import PASSWORD
from tests.http import Client
from tests.letters.mail_tools import ADDRESS, outbox, run, tell
from tests.support import NOBODY, MakeUser, TokenFor, a_context, confirmed, perform, replace

FACTS = {"to": ADDRESS, "link": NOBODY, "values": {"team": "Explorers"}}
pytestmark = pytest.mark.in_process("listens to events in this process")


def all_facts(**less: Any) -> Facts:
    """Everything that a letter may need, but what is left out."""
    return Facts(**{**FACTS, **less})


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_an_event_with_all_facts_is_told(table: None, name: Any) -> None:
    """One letter, due at once, that names what its text needs."""
    perform(tell, Event(name=name, user_id=NOBODY, letter=all_facts()))
    (letter,) = outbox()
    assert (letter.event, letter.to, letter.link, letter.values) == (name, ADDRESS, NOBODY, FACTS["values"])
    assert (letter.attempts, letter.listed()) == (0, (letter.gsi1pk, letter.gsi1sk))


@pytest.mark.parametrize(
    ("name", "facts"),
    [(name, {need: None}) for name, template in TEMPLATES.items() for need in template.needs]
    + [(name, None) for name, template in TEMPLATES.items() if template.needs]
    + [(name, {}) for name in ("sign_in", "team_change", "role_change")],
    ids=str,
)
def test_an_event_without_what_its_letter_needs_is_not_told(
    table: None, name: Any, facts: dict[str, Any] | None
) -> None:
    """So an account that needs no verification gets no letter, and the code that emits asks nothing."""
    perform(tell, Event(name=name, user_id=NOBODY, letter=None if facts is None else all_facts(**facts)))
    assert outbox() == []


def test_a_letter_goes_to_an_account_or_to_an_address(table: None) -> None:
    """An event about neither is not told, and a failure never is."""
    letters = [
        Event(name="password_change"),
        Event(name="password_change", user_id=NOBODY, outcome="failure"),
    ]
    for event in letters:
        perform(tell, event)
    assert outbox() == []


def test_whoever_joins_a_team_by_himself_is_not_told(table: None) -> None:
    """Whoever accepts an invitation knows."""
    event = Event(name="member_addition", user_id=NOBODY, actor_id=NOBODY, letter=all_facts())
    perform(tell, event)
    assert outbox() == []


def test_letters_of_a_person_can_be_found(table: None) -> None:
    """Those of an account are in its partition, others under the address; a farewell leads nowhere."""
    perform(tell, Event(name="password_change", user_id=NOBODY))
    perform(tell, Event(name="invitation", letter=all_facts(to="Ada@Test.example")))
    perform(tell, Event(name="account_erasure", user_id=NOBODY, letter=all_facts()))
    mine, invited, farewell = sorted(outbox(), key=lambda letter: letter.id)
    assert mine.key == keys.letter_about(NOBODY, mine.id)
    assert invited.key == keys.letter_to(keys.unique(ADDRESS, keys.MAX_EMAIL), invited.id)
    assert farewell.key == keys.letter_to(farewell.id, farewell.id)
    assert farewell.user_id is None


def test_a_new_password_is_told(api: Client, user: User, token_for: TokenFor) -> None:
    """The users' code knows nothing of letters: its event is enough."""
    patch = confirmed(PASSWORD, replace("/password", "analytical engine"))
    assert api("PATCH", f"/api/v1/users/{user.id}", token=token_for(user), data=patch).status == 200
    (letter,) = outbox()
    assert (letter.event, letter.user_id) == ("password_change", user.id)
    assert letter.to is None


def test_another_address_is_told_to_the_old_one(api: Client, user: User, token_for: TokenFor) -> None:
    """EMAIL_VERIFICATION=off: it changes at once, and whoever had the account learns of it."""
    path = f"/api/v1/users/{user.id}"
    data = confirmed(PASSWORD, replace("/email", ADDRESS))
    assert api("PATCH", path, token=token_for(user), data=data).status == 200
    (letter,) = outbox()
    assert (letter.event, letter.to, bool(letter.link)) == ("email_change", user.email, False)


def test_what_is_refused_is_not_told(api: Client, user: User, token_for: TokenFor) -> None:
    """The letter is in the transaction of its cause."""
    patch = confirmed("wrong", replace("/password", "analytical engine"))
    assert api("PATCH", f"/api/v1/users/{user.id}", token=token_for(user), data=patch).status == 403

    def refused(context: Context) -> None:
        tell(context, Event(name="password_change", user_id=user.id))
        context.work.put(user, otherwise=ConflictError())

    with pytest.raises(ConflictError):
        perform(refused)
    assert outbox() == []


def test_a_letter_that_waits_does_not_tell_that_an_address_is_free(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behaviour 72: one is written for a taken address, too; its owner's mailbox never sees it."""
    settings = replaced(application.settings, email_verification=REQUIRED)
    monkeypatch.setattr(application.api, "settings", settings)
    make_user("other")
    path, token = f"/api/v1/users/{user.id}", token_for(user)
    for address in (ADDRESS, "other@test.example"):
        data = confirmed(PASSWORD, replace("/email", address))
        assert api("PATCH", path, token=token, data=data).status == 200
    exported = api("GET", "/api/v1/users/me/export", token=token).json
    letters = [each["item"]["to"] for each in exported if each["kind"] == "letter"]
    assert letters == [ADDRESS, "other@test.example"]
    sent: list[str] = []
    run(lambda message: sent.append(message.to))
    assert (sent, outbox()) == ([ADDRESS], [])


def test_a_stage_that_sends_no_email_writes_no_letters(table: None) -> None:
    """Nothing piles up where nobody sends."""
    silent = a_context(settings=replaced(application.settings, mail=None), listeners=(write_letter,))
    silent.emit(Event(name="password_change", user_id=NOBODY))
    assert len(silent.work) == 0


def test_templates_are_of_events() -> None:
    """A letter without an event would never be written."""
    assert set(TEMPLATES) <= set(EVENTS)
