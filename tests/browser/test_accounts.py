"""The life of an account in a real browser without scripts, by the letters that a local stage shows."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from tests.browser.conftest import photograph, violations
from tests.browser.test_authorize import PHONE
from tests.e2e.stack import Stack, copy_project

FIRST, SECOND, THIRD = "analytical engine", "difference engine", "jacquard's looms"
WAIT = 60  # seconds for a letter; the machine may be slow


@pytest.fixture(scope="module")
def required(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack on which nobody signs in with an address that is not confirmed."""
    folder = tmp_path_factory.mktemp("accounts")
    copy_project(folder)
    running = Stack(folder, EMAIL_VERIFICATION="required")
    running.start()
    yield running
    running.stop()


class Person:
    """Somebody with a mailbox and a browser.

    :param name: username; the address is made of it.
    :param options: of the browser.
    """

    def __init__(self, browser: Any, stack: Stack, name: str, **options: Any) -> None:
        self.stack, self.name, self.email = stack, name, f"{name}@test.example"
        options = {"java_script_enabled": False, **options}
        self.page = browser.new_context(viewport=PHONE, **options).new_page()
        self.seen: set[str] = set()

    def sign_up(self) -> None:
        """Sign up as a product's own page would, over the API."""
        form = {"username": self.name, "email": self.email, "password": FIRST, "recaptcha_key": "secret_key"}
        assert self.stack.api("POST", "/api/v1/users", data=form).status == 201

    def letter(self, to: str, path: str) -> str:
        """Wait for a letter, and return its link to a page."""
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            with urlopen(f"{self.stack.url}/_letters.json") as answer:  # noqa: S310 - of this machine
                letters = json.load(answer)
            for each in letters:
                found = [word for word in each["text"].split() if f"{path}?token=" in word]
                if each["to"] == to and found and each["id"] not in self.seen:
                    self.seen.add(each["id"])
                    return f"{self.stack.url}{path}?token={found[0].partition('token=')[2]}"
            time.sleep(0.2)
        raise AssertionError(f"no letter to {to} with {path}: {[each['subject'] for each in letters]}")

    def open(self, path: str) -> None:
        """Open a page."""
        self.page.goto(path if path.startswith("http") else self.stack.url + path)

    def press(self, button: str) -> None:
        """Press a button, and wait for what follows."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def sign_in(self, password: str) -> None:
        """Fill in the sign-in page of the account page."""
        self.open("/account")
        self.page.get_by_label("Username or email address").fill(self.name)
        self.page.get_by_label("Password").fill(password)
        self.press("Sign in")

    def reads(self, text: str) -> bool:
        """Whether a text is on the page."""
        return text in self.page.inner_text("main")


def confirm(ada: Person) -> None:
    """Follow the link of the letter; before that, a sign-in says what is missing."""
    ada.sign_in(FIRST)
    assert ada.reads("not confirmed yet")
    ada.open(ada.letter(ada.email, "/account/verify"))
    photograph(ada.page, "account-verify")
    ada.press("Confirm")
    assert ada.reads("Your email address is confirmed.")
    ada.page.get_by_role("link", name="Go to your account").click()
    photograph(ada.page, "account-sign-in")


def forget(ada: Person) -> None:
    """Replace a forgotten password."""
    ada.page.get_by_role("link", name="Forgot your password?").click()
    ada.page.get_by_label("Username or email address").fill(ada.email)
    photograph(ada.page, "account-forgotten")
    ada.press("Send the link")
    ada.open(ada.letter(ada.email, "/account/reset"))
    ada.page.get_by_label("New password").fill(SECOND)
    photograph(ada.page, "account-reset")
    ada.press("Change the password")


def move(ada: Person, address: str) -> None:
    """Change the address."""
    ada.page.get_by_label("New email address").fill(address)
    ada.page.get_by_label("Your password").fill(SECOND)
    ada.press("Change the address")
    ada.open(ada.letter(address, "/account/confirm"))
    ada.press("Use this address")
    ada.open("/account")
    assert ada.reads(address)


def join(ada: Person) -> None:
    """Accept the invitation of a team's leader."""
    api = ada.stack.api
    form = {"grant_type": "password", "client_id": "documentation", "username": "root", "password": "q"}
    token = api("POST", "/auth/oauth2/token", form=form).json["access_token"]
    team = api("POST", "/api/v1/teams", token=token, data={"title": "Engines"}).json["id"]
    invitation = {"email": ada.email}
    assert api("POST", f"/api/v1/teams/{team}/invitations", token=token, data=invitation).status == 201
    ada.open(ada.letter(ada.email, "/account/invitation"))
    photograph(ada.page, "account-invitation")
    ada.press("Accept")
    assert ada.reads("You are a member of the team now.")
    members = api("GET", f"/api/v1/teams/{team}/members", token=token).json
    assert ada.name in [member["user"]["username"] for member in members]


def test_the_life_of_an_account(browser: Any, required: Stack) -> None:
    """Sign up, confirm, forget the password, join a team, change the address, undo that, and leave."""
    ada = Person(browser, required, "ada")
    ada.sign_up()
    confirm(ada)
    ada.sign_in(FIRST)
    assert ada.reads("You are signed in as ada")
    photograph(ada.page, "account")
    ada.press("Sign out")
    forget(ada)
    join(ada)
    ada.sign_in(SECOND)
    move(ada, "countess@test.example")
    ada.open(ada.letter(ada.email, "/account/undo"))
    photograph(ada.page, "account-undo")
    ada.press("Bring it back")
    ada.sign_in(SECOND)
    assert ada.reads(ada.email)
    ada.page.get_by_label("Password, to delete the account").fill(SECOND)
    ada.press("Delete the account")
    assert ada.reads("Your account is deleted.")
    ada.sign_in(SECOND)
    assert ada.reads("Wrong username, email address or password.")


def test_a_password_is_changed_by_keyboard_alone(browser: Any, required: Stack) -> None:
    """Type, Tab, Enter; afterwards the new one counts."""
    kay = Person(browser, required, "kay")
    kay.sign_up()
    kay.open(kay.letter(kay.email, "/account/verify"))
    kay.page.keyboard.press("Tab")
    kay.page.keyboard.press("Enter")
    kay.page.get_by_role("status").wait_for()
    kay.open("/account")
    kay.page.keyboard.type("kay")
    kay.page.keyboard.press("Tab")
    kay.page.keyboard.type(FIRST)
    kay.page.keyboard.press("Enter")
    kay.page.get_by_label("Current password").wait_for()
    kay.page.get_by_label("Current password").focus()
    kay.page.keyboard.type(FIRST)
    kay.page.keyboard.press("Tab")
    kay.page.keyboard.type(THIRD)
    kay.page.keyboard.press("Enter")
    kay.page.get_by_role("status").wait_for()
    kay.open("/account")
    kay.press("Sign out")
    kay.sign_in(THIRD)
    assert kay.reads("You are signed in as kay")


def walk(person: Person) -> Iterator[str]:
    """Open each page in turn, and name it."""
    person.open("/account")
    yield "sign-in"
    person.sign_in("wrong")
    yield "wrong-password"
    person.open("/account/forgotten")
    yield "forgotten"
    person.open("/account/verify")
    yield "send-again"
    person.open("/account/verify?token=unknown")
    yield "gone"
    person.open(person.letter(person.email, "/account/verify"))
    yield "verify"
    person.press("Confirm")
    yield "done"
    person.sign_in(FIRST)
    yield "account"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_pages(browser: Any, required: Stack, scheme: str) -> None:
    """Axe finds nothing on any page, and none is wider than a phone."""
    # axe is a script; the pages have none
    person = Person(browser, required, f"eve-{scheme}", java_script_enabled=True, color_scheme=scheme)
    person.sign_up()
    wrong: dict[str, Any] = {}
    for name in walk(person):
        width = person.page.evaluate("document.documentElement.scrollWidth")
        found = violations(person.page)
        if found or width > PHONE["width"]:
            wrong[name] = (found, width)
    assert wrong == {}
