"""Links of letters: each works once, for its purpose and account, and everything else is one refusal."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.users.models import Link, User
from tests.acting import change_user
from tests.api import account_tools
from tests.api.account_tools import (
    API,
    NEW_PASSWORD,
    PAGES,
    USES,
    Mail,
    Visitor,
    ask_again,
    forgotten,
    sign_up,
    use,
)
from tests.api.oauth_tools import password
from tests.conftest import PASSWORD
from tests.faults import Killed, killed_before_write, wire
from tests.http import Client
from tests.support import MakeUser, SignIn, TokenFor, confirmed, present_keys, replace, stored

pytestmark = pytest.mark.in_process("listens to the application's events")
stage, required, optional = account_tools.stage, account_tools.required, account_tools.optional  # fixtures
OTHER = "new@test.example"


class Links:
    """Sends links of every purpose to an account."""

    def __init__(self, api: Client, mail: Mail, token_for: TokenFor, user: User) -> None:
        self.api, self.mail, self.token_for, self.user = api, mail, token_for, user

    def send(self, purpose: str) -> str:
        """Send a link, and return what opens it."""
        return str(getattr(self, purpose)())

    def email_verification(self) -> str:
        """Of an account that is not confirmed yet."""
        self.present().update([User.is_email_verified.set(False)])
        ask_again(self.api, "user")
        return self.mail.token("email_verification")

    def email_change(self, address: str = OTHER) -> str:
        """To a new address."""
        path, user = f"/api/v1/users/{self.user.id}", self.present()
        data = confirmed(PASSWORD, replace("/email", address))
        answer = self.api("PATCH", path, token=self.token_for(user), data=data)
        assert (answer.status, answer.json["email"]) == (200, user.email)
        return self.mail.token("email_change_request")

    def email_undo(self) -> str:
        """To the old address, after the change."""
        assert use(self.api, "email_change", self.email_change()).status == 204
        return self.mail.token("email_change")

    def password_reset(self) -> str:
        """To whoever forgot the password."""
        forgotten(self.api, "user")
        return self.mail.token("password_reset_request")

    def present(self) -> User:
        """Read the account."""
        key = keys.user(self.user.id)
        found = get_many([key])[key]
        assert isinstance(found, User)
        return found


@pytest.fixture
def links(api: Client, required: Mail, token_for: TokenFor, user: User) -> Links:
    """Links to an account whose password is PASSWORD."""
    return Links(api, required, token_for, user)


def spoiled(token: str) -> str:
    """Change one character of a token."""
    return token[:40] + ("x" if token[40] != "x" else "y") + token[41:]


def expire(links: Links, purpose: str) -> None:
    """Move the end of a link into the past; TTL has not swept it yet."""
    key = keys.link(links.user.id, purpose)
    link = get_many([key])[key]
    link.update([Link.expires_at.set(1)])


@pytest.mark.parametrize("purpose", PAGES)
def test_a_link_works_once(api: Client, links: Links, purpose: str) -> None:
    """Behaviour 71: the second time, it is refused and changes nothing."""
    token = links.send(purpose)
    assert use(api, purpose, token).status == 204
    before = stored()
    assert (use(api, purpose, token).status, stored()) == (410, before)
    assert keys.link(links.user.id, purpose) not in present_keys()


@pytest.mark.parametrize("purpose", [purpose for purpose in PAGES if purpose != "email_undo"])
def test_a_newer_link_ends_the_one_before(api: Client, links: Links, purpose: str) -> None:
    """Only the last one of each purpose works."""
    first, second = links.send(purpose), links.send(purpose)
    before = stored()
    assert (use(api, purpose, first).status, stored()) == (410, before)
    assert use(api, purpose, second).status == 204


@pytest.mark.parametrize("purpose", PAGES)
def test_after_a_change_of_password(api: Client, links: Links, purpose: str) -> None:
    """A link is refused; that which undoes a change of address works, since a thief changes both."""
    token = links.send(purpose)
    change_user(links.present(), {"password": NEW_PASSWORD})
    before = stored()
    expected = 204 if purpose == "email_undo" else 410
    assert use(api, purpose, token).status == expected
    assert (stored() == before) == (expected == 410)


@pytest.mark.parametrize("purpose", PAGES)
def test_a_link_ends_in_time(api: Client, links: Links, purpose: str) -> None:
    """DynamoDB's TTL is not trusted to have swept it."""
    token = links.send(purpose)
    expire(links, purpose)
    before = stored()
    assert (use(api, purpose, token).status, stored()) == (410, before)


@pytest.mark.parametrize("purpose", PAGES)
def test_a_link_is_for_its_purpose_alone(api: Client, links: Links, purpose: str) -> None:
    """At every other place it opens nothing."""
    token = links.send(purpose)
    before = stored()
    others = [use(api, each, token).status for each in PAGES if each != purpose]
    assert (others, stored()) == ([410, 410, 410], before)
    assert use(api, purpose, token).status == 204


@pytest.mark.parametrize("purpose", PAGES)
@pytest.mark.parametrize("change", [spoiled, lambda token: token[:-1], lambda token: f"{token}x", str.lower])
def test_no_other_token_opens_it(
    api: Client, links: Links, purpose: str, change: Callable[[str], str]
) -> None:
    """One character changed, too short, too long: the answer is that to any other token."""
    token = links.send(purpose)
    before = stored()
    answers = [use(api, purpose, other) for other in (change(token), "unknown", "")]
    bodies = [{name: each.json[name] for name in ("type", "detail")} for each in answers]
    assert ([each.status for each in answers], stored()) == ([410, 410, 410], before)
    assert bodies == [bodies[0]] * 3


@pytest.mark.parametrize("purpose", PAGES)
def test_looking_at_a_link_changes_nothing(api: Client, links: Links, purpose: str) -> None:
    """GET and HEAD, as scanners of mail send them; afterwards the button still works."""
    token, visitor = links.send(purpose), Visitor(api)
    before = stored()
    assert api("HEAD", f"{PAGES[purpose]}?token={token}").status == 200
    assert visitor.visit(PAGES[purpose], token=token).status == 200
    assert stored() == before
    assert visitor.press(password=NEW_PASSWORD).status == 200
    assert visitor.visit(PAGES[purpose], token=token).status == 410


def test_an_address_with_two_tokens_opens_nothing(api: Client, links: Links) -> None:
    """Which one a proxy or a log has looked at is anybody's guess."""
    token = links.send("password_reset")
    assert api("GET", f"/account/reset?token={token}&token={token}").status == 410


@pytest.mark.parametrize("purpose", [purpose for purpose in PAGES if purpose != "password_reset"])
def test_a_page_names_the_account(api: Client, links: Links, purpose: str) -> None:
    """A stranger may have signed up with the address: who presses the button sees for which account."""
    visitor = Visitor(api)
    visitor.visit(PAGES[purpose], token=links.send(purpose))
    assert "the account user " in visitor.text
    visitor.press(ticket="x")
    assert "the account user " in visitor.text


@pytest.mark.parametrize("purpose", PAGES)
def test_a_page_of_another_site_presses_no_button(api: Client, links: Links, purpose: str) -> None:
    """Without the cookie, without the ticket, or sent by another site: the page is shown again."""
    token, visitor = links.send(purpose), Visitor(api)
    visitor.visit(PAGES[purpose], token=token)
    before, form = stored(), {**visitor.page.fields, "password": NEW_PASSWORD}
    foreign = Visitor(api, cookies=visitor.cookies, headers={"Sec-Fetch-Site": "cross-site"})
    foreign.last = visitor.last
    statuses = [
        api("POST", PAGES[purpose], form=form).status,
        visitor.press(ticket="").status,
        foreign.press(password=NEW_PASSWORD).status,
    ]
    assert (statuses, stored()) == ([403, 403, 403], before)


@pytest.mark.parametrize("purpose", PAGES)
def test_a_disabled_account_has_no_links(api: Client, links: Links, purpose: str) -> None:
    """Whoever was disabled does not come back by a letter."""
    token = links.send(purpose)
    change_user(links.present(), {"is_active": False})
    before = stored()
    assert (use(api, purpose, token).status, stored()) == (410, before)


@pytest.mark.parametrize("purpose", PAGES)
def test_a_kill_leaves_all_or_nothing(api: Client, links: Links, purpose: str) -> None:
    """The process ends before the write: the link works afterwards; there is no second write."""
    token = links.send(purpose)
    before = stored()
    with wire(killed_before_write(0)), pytest.raises(Killed):
        use(api, purpose, token)
    assert stored() == before
    with wire(killed_before_write(1)):
        assert use(api, purpose, token).status == 204


ASKED: dict[str, Callable[[Client], Any]] = {
    "sign-up": sign_up,
    "letter for a password": partial(forgotten, username="user"),
    "letter for an address": partial(ask_again, username="user"),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED.keys())
def test_a_kill_sends_no_letter_without_its_link(
    api: Client, links: Links, ask: Callable[[Client], Any]
) -> None:
    """What causes a letter is one write."""
    before = stored()
    with wire(killed_before_write(0)), pytest.raises(Killed):
        ask(api)
    assert stored() == before
    with wire(killed_before_write(1)):
        ask(api)


def test_a_new_password_ends_everything(
    api: Client, links: Links, sign_in: SignIn, documentation: object
) -> None:
    """Behaviour 26: sessions and tokens end, and the owner signs in with the new one."""
    tokens = sign_in()
    assert use(api, "password_reset", links.password_reset()).status == 204
    assert api("GET", "/api/v1/users/me", token=tokens["access_token"]).status == 401
    statuses = [password(api, "user", text).status for text in (PASSWORD, NEW_PASSWORD)]
    assert statuses == [400, 200]


@pytest.mark.parametrize("weak", ["short", "password123", "user", "user@test.example"])
def test_a_weak_password_leaves_the_link_good(api: Client, links: Links, weak: str) -> None:
    """422 over the API, and on the page, which is shown again."""
    token, visitor = links.password_reset(), Visitor(api)
    before = stored()
    visitor.visit("/account/reset", token=token)
    statuses = [use(api, "password_reset", token, password=weak).status, visitor.press(password=weak).status]
    assert (statuses, stored()) == ([422, 422], before)
    assert visitor.press(password=NEW_PASSWORD).status == 200


def test_the_own_name_is_no_password(api: Client, links: Links) -> None:
    """ASVS 5.0 6.2.11: as at sign-up."""
    token, visitor = links.password_reset(), Visitor(api)
    visitor.visit("/account/reset", token=token)
    assert visitor.press(password="user@test.example").status == 422
    assert "username or email address" in visitor.text


@pytest.mark.parametrize("name", ["nobody", "nobody@test.example", "ada", "disabled", "x" * 200])
def test_forgetting_a_password_tells_nothing(
    api: Client, links: Links, make_user: MakeUser, name: str
) -> None:
    """No account, one that is not confirmed, one that is disabled: the same bytes, and no letter."""
    sign_up(api)
    make_user("disabled", is_active=False)
    links.mail.events.clear()
    known, other = forgotten(api, "user"), forgotten(api, name[:120])
    assert (other.status, other.body, set(other.headers)) == (204, known.body, set(known.headers))
    assert links.mail.names == ["password_reset_request"]


def test_the_page_for_forgotten_passwords_tells_nothing(api: Client, links: Links) -> None:
    """Behaviour 73: byte by byte the same page."""
    answers = []
    for name in ("user", "nobody"):
        visitor = Visitor(api)
        visitor.visit("/account/forgotten")
        answers.append(visitor.press(username=name))
    assert answers[0].status == 200
    assert answers[0].body == answers[1].body


def test_both_ways_cost_the_same_requests(api: Client, links: Links, round_trips: list[str]) -> None:
    """The number of round trips tells nothing either."""
    counts = []
    for name in ("user", "nobody"):
        for ask in (forgotten, ask_again):
            round_trips.clear()
            ask(api, name)
            counts.append(list(round_trips))
    assert counts[:2] == counts[2:]


def test_both_ways_write_as_many_items(api: Client, links: Links) -> None:
    """So the time tells nothing either: without an account, there are decoys in the place of a link."""
    counts = []
    for name in ("user", "nobody"):
        with wire() as sent:
            forgotten(api, name)
        (write,) = [each.body for each in sent if each.operation == "TransactWriteItems"]
        counts.append(len(write["TransactItems"]))
    assert counts[0] == counts[1]


def test_a_link_to_a_former_address_is_void(api: Client, links: Links) -> None:
    """Whoever still reads the old mailbox gets no new password by it."""
    token = links.password_reset()
    use(api, "email_change", links.email_change())
    assert use(api, "password_reset", token).status == 410


def test_links_need_a_well_formed_body(api: Client, links: Links) -> None:
    """Behaviour 39: what is missing is named."""
    answer = api("POST", f"{API}/password-reset", data={"token": "x"})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/password")


@pytest.mark.parametrize("purpose", USES)
def test_a_link_that_is_used_again_with_its_key_is_answered_again(links: Links, purpose: str) -> None:
    """Behaviour 64: without the key it is 410, with it the first answer, and nothing happens twice."""
    token, headers = links.send(purpose), {"Idempotency-Key": "a-key"}
    body = {"token": token, **({"password": NEW_PASSWORD} if purpose == "password_reset" else {})}
    send = partial(links.api, "POST", USES[purpose], data=body)
    assert send(headers=headers).status == 204
    before = len(links.mail.events)
    again = send(headers=headers)
    assert (again.status, again.headers["idempotent-replayed"]) == (204, "true")
    assert (send().status, len(links.mail.events)) == (410, before)


@pytest.mark.parametrize("name", ["user", "nobody"])
def test_a_request_for_a_letter_is_answered_again(links: Links, name: str) -> None:
    """Behaviour 64: one letter at most, and the replay tells nothing of whether there is an account."""
    path, headers = f"{API}/password-reset/request", {"Idempotency-Key": "a-key"}
    found = [links.api("POST", path, data={"username": name}, headers=headers) for _ in range(2)]
    assert [answer.status for answer in found] == [204, 204]
    assert found[1].headers["idempotent-replayed"] == "true"
    assert len(links.mail.events) == (name == "user")
