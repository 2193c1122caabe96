"""What the tests of accounts have in common: a stage that confirms addresses, its letters, and a browser."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

import app as application
from chalicelib.context import Context
from chalicelib.events import Event
from chalicelib.security.links import token_of
from chalicelib.settings import OPTIONAL, REQUIRED, Settings
from tests.api.code_tools import Browser
from tests.http import Answer, Client
from tests.target import base_url

NEW = {
    "username": "ada",
    "email": "ada@test.example",
    "password": "analytical engine",
    "recaptcha_key": "secret_key",
}
API = "/api/v1/account"
# What uses a link of each purpose over the API.
USES = {
    "email_verification": f"{API}/email-verification",
    "email_change": f"{API}/email-change",
    "email_undo": f"{API}/email-undo",
    "password_reset": f"{API}/password-reset",
}
PAGES = {
    "email_verification": "/account/verify",
    "email_change": "/account/confirm",
    "email_undo": "/account/undo",
    "password_reset": "/account/reset",
}
NEW_PASSWORD = "difference engine"


def opener(link_id: str) -> str:
    """Return what opens a link."""
    return token_of(application.api.keystore.keyring(), link_id)


@dataclass
class Mail:
    """The letters that a stage was told to send; it listens to events, as what sends letters does."""

    events: list[Event] = field(default_factory=list)

    def __call__(self, _: Context, event: Event) -> None:
        """Keep an event that has a letter."""
        if event.letter:
            self.events.append(event)

    @property
    def names(self) -> list[str]:
        """What the letters are about."""
        return [event.name for event in self.events]

    def token(self, name: str) -> str:
        """Return what opens the link in the last letter about something."""
        letters = [event.letter for event in self.events if event.name == name and event.letter]
        assert letters, self.names
        assert letters[-1].link
        return opener(letters[-1].link)

    @property
    def tokens(self) -> list[str]:
        """What opens the links of all letters."""
        return [opener(event.letter.link) for event in self.events if event.letter and event.letter.link]


Stage = Callable[[str], Mail]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Stage:
    """Make the application a stage that confirms addresses in some way, and return its letters."""

    def make(mode: str) -> Mail:
        mail = Mail()
        monkeypatch.setattr(application.api, "settings", replace(settings, email_verification=mode))
        monkeypatch.setattr(application.api, "listeners", (*application.api.listeners, mail))
        return mail

    return make


@pytest.fixture
def required(stage: Stage) -> Mail:
    """A stage on which nobody signs in with an address that is not confirmed."""
    return stage(REQUIRED)


@pytest.fixture
def optional(stage: Stage) -> Mail:
    """A stage that confirms addresses, and lets people sign in before."""
    return stage(OPTIONAL)


def sign_up(api: Client, **fields: Any) -> Answer:
    """Sign up with some fields of the form changed."""
    return api("POST", "/api/v1/users", data={**NEW, **fields})


def use(api: Client, purpose: str, token: str, **more: str) -> Answer:
    """Use a link over the API."""
    body = {"token": token, **({"password": NEW_PASSWORD} if purpose == "password_reset" else {}), **more}
    return api("POST", USES[purpose], data=body)


def forgotten(api: Client, username: str) -> Answer:
    """Ask for a link that replaces a password."""
    return api("POST", f"{API}/password-reset/request", data={"username": username})


def ask_again(api: Client, username: str) -> Answer:
    """Ask for the link that confirms an address."""
    return api("POST", f"{API}/email-verification/request", data={"username": username})


class Visitor(Browser):
    """A browser on the account pages."""

    def visit(self, path: str, **query: str) -> Answer:
        """Open a page."""
        return self.send("GET", path + (f"?{urlencode(query)}" if query else ""))

    def press(self, **fields: str) -> Answer:
        """Fill in the first form of the last page and send it."""
        page, prefix = self.page, urlsplit(base_url()).path
        return self.send("POST", page.action.removeprefix(prefix), form={**page.fields, **fields})
