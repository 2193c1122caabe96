"""The page `/_letters` of `make run`, and the job that fills it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.letters.senders import to_folder
from chalicelib.users.models import User
from tasks import mailbox
from tests.http import Client, OverHttp
from tests.letters.mail_tools import outbox, told
from tests.letters.test_message import HOSTILE, URL, Links, written
from tests.serving import serving

ELEMENTS = {
    "html",
    "head",
    "meta",
    "title",
    "link",
    "body",
    "main",
    "p",
    "img",
    "h1",
    "h2",
    "article",
    "pre",
    "a",
}
pytestmark = pytest.mark.in_process("serves the application of this process")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the stage's letters."""
    settings = replace(application.api.settings, mail=f"file:{tmp_path}")
    monkeypatch.setattr(application, "settings", settings)
    monkeypatch.setattr(application.api, "settings", settings)
    return tmp_path


def page_of() -> str:
    """The page, as a browser gets it."""
    answer = mailbox.answer("/_letters")
    assert answer
    return answer[2].decode()


def test_a_local_stage_shows_its_letters(
    folder: Path, user: User, capsys: pytest.CaptureFixture[str]
) -> None:
    """Delivered to a folder instead of a server; the terminal says where they are."""
    for name in ("user_creation", "password_reset_request"):
        told(name, user.id, link=keys.new_id())
    mailbox.send_letters()
    mailbox.send_letters()
    assert (outbox(), capsys.readouterr().err) == ([], "2 letters: http://127.0.0.1:8000/_letters\n")
    with serving() as url:
        client = Client(OverHttp(url))
        shown, as_json = client("GET", "/_letters"), client("GET", "/_letters.json")
        assert client("POST", "/_letters", data={}).status == 404
    letters = json.loads(as_json.body)
    assert [letter["subject"] for letter in letters] == [
        "Choose a new password",
        "Confirm your email address",
    ]
    assert [letter["to"] for letter in letters] == [user.email] * 2
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    found = Links(str(shown.body)).found
    assert [link.partition("?")[0] for link in found if "/account/" in link] == [
        "http://127.0.0.1:8000/account/reset",
        "http://127.0.0.1:8000/account/verify",
    ]


def test_the_page_shows_text_and_nothing_else(folder: Path) -> None:
    """No script, no style and no frame, whatever a team is called."""
    to_folder(folder)(written(team=HOSTILE, inviter="https://evil.example/\"onclick='x'"))
    page = page_of()
    assert Links(page).tags <= ELEMENTS
    assert URL in Links(page).found
    answer = mailbox.answer("/_letters")
    assert answer
    policy = str(answer[1]["Content-Security-Policy"])
    assert "script" not in policy
    assert policy.startswith("default-src 'none'")


def test_an_empty_folder_is_an_empty_page(folder: Path) -> None:
    """Before the first letter."""
    assert "No letters yet" in page_of()


@pytest.mark.parametrize("mail", [None, "ses", "smtp://127.0.0.1:25"])
def test_letters_that_are_sent_elsewhere_are_not_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch, mail: str | None
) -> None:
    """The folder may be of another time."""
    to_folder(folder)(written())
    monkeypatch.setattr(application.api, "settings", replace(application.api.settings, mail=mail))
    assert "No letters yet" in page_of()


def test_no_stage_but_a_local_one_has_the_page(folder: Path) -> None:
    """The route table, which is what is deployed, does not know it."""
    assert [path for path in application.api.operations if "_letters" in path] == []
    assert mailbox.read(replace(application.api.settings, stage="prod")) == []
