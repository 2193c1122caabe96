"""The outbox: a letter for each sign-up and each new password, sent once."""

from collections.abc import Iterator
from dataclasses import replace as replaced
from typing import Any

import pytest
from moto.backends import get_backend

import app as application
from chalicelib.db import keys
from chalicelib.db.table import delete_many, query, session
from chalicelib.letters.delivery import send_letters
from chalicelib.letters.models import Letter
from chalicelib.users.models import User
from tests.conftest import PASSWORD
from tests.http import Client
from tests.support import TokenFor, confirmed, replace

pytestmark = pytest.mark.in_process("looks into the application's own mail")
FORM = {"username": "ada", "email": "ada@test.example", "password": "analytical engine"}
SENDER = "hello@grail.test"


@pytest.fixture
def sent(table: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What SES accepted, of a stage that sends email."""
    settings = replaced(application.api.settings, mail_from=SENDER)
    monkeypatch.setattr(application.api, "settings", settings)
    backend: Any = get_backend("ses")["123456789012"]["us-east-1"]
    backend.reset()
    yield backend.sent_messages
    backend.reset()


def verify() -> None:
    """Verify the sender's address."""
    session().create_client("ses", "us-east-1").verify_email_identity(EmailAddress=SENDER)


def outbox() -> list[Letter]:
    """What is not sent yet."""
    return query(Letter, keys.OUTBOX, prefix=keys.LETTERS)


def sign_up(api: Client) -> int:
    """Sign up, and return the status."""
    return api("POST", "/api/v1/users", data={**FORM, "recaptcha_key": "secret_key"}).status


def test_a_sign_up_is_answered_with_a_letter(api: Client, sent: list[Any]) -> None:
    """One letter, however often the job runs, and none for a sign-up that is refused."""
    verify()
    assert [sign_up(api), sign_up(api)] == [201, 409]
    assert [send_letters(None), send_letters(None)] == [1, 0]
    assert [message.destinations["ToAddresses"] for message in sent] == [["ada@test.example"]]
    assert outbox() == []


def test_a_new_password_is_confirmed_by_a_letter(
    api: Client, user: User, token_for: TokenFor, sent: list[Any]
) -> None:
    """No code of the users knows of letters: the event is enough."""
    verify()
    patch = confirmed(PASSWORD, replace("/password", "analytical engine"))
    assert api("PATCH", f"/api/v1/users/{user.id}", token=token_for(user), data=patch).status == 200
    assert (send_letters(None), [message.subject for message in sent]) == (1, ["Your password was changed"])


def test_a_stage_without_a_sender_writes_no_letters(api: Client) -> None:
    """Nothing piles up where nobody sends."""
    assert (sign_up(api), outbox()) == (201, [])


def test_what_ses_refuses_is_tried_again(api: Client, sent: list[Any]) -> None:
    """The letter stays; it is tried after five minutes, not at once."""
    sign_up(api)
    assert (send_letters(None), len(outbox())) == (0, 1)
    verify()
    assert send_letters(None) == 0
    outbox()[0].update([Letter.leased_until.set(0)])
    assert (send_letters(None), outbox(), len(sent)) == (1, [], 1)


def test_of_two_runs_one_sends(api: Client, sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter that another run has leased in the meantime is left to it."""
    verify()
    sign_up(api)
    (before,) = outbox()
    outbox()[0].update([Letter.leased_until.set(0)])
    monkeypatch.setattr("chalicelib.letters.delivery.query", lambda *_, **__: [before])
    assert (send_letters(None), sent) == (0, [])


def test_a_deleted_account_gets_no_letter(api: Client, sent: list[Any]) -> None:
    """Its letters are deleted unsent."""
    verify()
    sign_up(api)
    delete_many([keys.user(outbox()[0].user_id)])
    assert (send_letters(None), sent, outbox()) == (0, [], [])
