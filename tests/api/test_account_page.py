"""The account page: a short session of its own, and everything that one can do about an account."""

import re
import time
from typing import Any

import pytest

from chalicelib.account.session import AccountSession
from chalicelib.db import keys
from chalicelib.db.table import get_many, query
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from chalicelib.web.headers import RESPONSE
from tests.acting import change_user
from tests.api import account_tools
from tests.api.account_tools import NEW, NEW_PASSWORD, Mail, Visitor, sign_up
from tests.api.code_tools import Browser, get_code, query_of, redeem
from tests.api.oauth_tools import me, password
from tests.conftest import PASSWORD
from tests.faults import Killed, killed_before_write, wire
from tests.http import Client
from tests.support import MakeUser, SignIn, TokenFor, stored

stage, required, optional = account_tools.stage, account_tools.required, account_tools.optional  # fixtures
ACCOUNT = "/account"
CLIENTS = "/api/v1/auth/oauth2_clients"
SERVICE = {
    "client_name": "Left behind",
    "default_scopes": ["users:read"],
    "grant_types": ["client_credentials"],
}


def enter(api: Client, name: str = "user", text: str = PASSWORD) -> Visitor:
    """Sign in to the account page, and open it."""
    visitor = Visitor(api)
    visitor.visit(ACCOUNT)
    answer = visitor.press(username=name, password=text, decision="sign_in")
    if answer.status == 303:
        assert answer.headers["location"].endswith(ACCOUNT)
        visitor.visit(ACCOUNT)
    return visitor


def sessions() -> list[dict[str, Any]]:
    """The sessions in the table."""
    return [item for item in stored() if item["kind"]["S"] == "account_session"]


@pytest.fixture
def visitor(api: Client, user: User) -> Visitor:
    """Somebody who is signed in."""
    return enter(api)


def test_the_page_shows_whose_account_it_is(visitor: Visitor) -> None:
    """It shows name and address."""
    assert "You are signed in as user" in visitor.text
    assert "user@test.example" in visitor.text


@pytest.mark.parametrize(("name", "text"), [("user", "wrong"), ("nobody", PASSWORD), ("disabled", PASSWORD)])
def test_a_failed_sign_in_says_no_more(
    api: Client, user: User, make_user: MakeUser, name: str, text: str
) -> None:
    """Behaviour 7: the same words for a wrong password, an unknown and a disabled account."""
    make_user("disabled", is_active=False)
    visitor = enter(api, name, text)
    assert visitor.last
    assert (visitor.last.status, sessions()) == (403, [])
    assert "Wrong username, email address or password." in visitor.text


def test_guesses_are_limited(api: Client, user: User) -> None:
    """Ten failures, then 429, even for the right password."""
    for _ in range(10):
        enter(api, text="wrong")
    visitor = enter(api)
    assert visitor.last
    assert (visitor.last.status, sessions()) == (429, [])


def test_an_empty_form_is_shown_again(api: Client, user: User) -> None:
    """422, and what to enter."""
    visitor = enter(api, "", "")
    assert visitor.last
    assert visitor.last.status == 422


def test_the_cookie_is_for_this_host_and_no_script(api: Client, user: User) -> None:
    """HttpOnly, SameSite, no lifetime beyond the browser's; the table holds a hash of its secret."""
    visitor = Visitor(api)
    visitor.visit(ACCOUNT)
    cookie = visitor.press(username="user", password=PASSWORD, decision="sign_in").headers["set-cookie"]
    value = cookie.split(";")[0].partition("=")[2]
    assert cookie == f"grail-account={value}; Path=/; HttpOnly; SameSite=Lax"
    assert value.split(".")[1] not in repr(stored())


def test_cookies_are_as_documented(api: Client, user: User) -> None:
    """The one of the browser, that of the session, and the one that ends it."""
    _, schema, _ = RESPONSE["Set-Cookie"]
    visitor = Visitor(api)
    seen = [visitor.visit(ACCOUNT), visitor.press(username="user", password=PASSWORD, decision="sign_in")]
    visitor.visit(ACCOUNT)
    seen.append(visitor.press(decision="sign_out"))
    cookies = [answer.headers["set-cookie"] for answer in seen]
    assert [cookie for cookie in cookies if not re.search(schema["pattern"], cookie)] == []
    assert max(map(len, cookies)) + len("__Host-; Secure") <= schema["maxLength"]


def test_a_session_ends_in_time(visitor: Visitor, user: User) -> None:
    """Half an hour, and TTL is not trusted to have swept it."""
    (session,) = query(AccountSession, keys.user(user.id).pk, prefix="ACCOUNT#")
    assert 1790 < session.expires_at - session.created.timestamp() <= 1800
    session.update([AccountSession.expires_at.set(1)])
    visitor.visit(ACCOUNT)
    assert "Sign in to your account" in visitor.text


@pytest.mark.parametrize("changes", [{"password": NEW_PASSWORD}, {"is_active": False}])
def test_a_session_ends_with_the_credentials(visitor: Visitor, user: User, changes: dict[str, Any]) -> None:
    """Behaviour 26: a new password and disabling end it."""
    change_user(user, changes)
    visitor.visit(ACCOUNT)
    assert "Sign in to your account" in visitor.text


def test_signing_out_ends_the_session(visitor: Visitor) -> None:
    """In the table, and in the browser."""
    answer = visitor.press(decision="sign_out")
    assert (answer.status, sessions()) == (303, [])
    assert "Max-Age=0" in answer.headers["set-cookie"]


@pytest.mark.parametrize("cookie", ["x", f"{'0' * 26}.{'x' * 43}", f"{'A' * 26}.", f"{'é' * 26}.{'x' * 43}"])
def test_a_made_up_cookie_opens_nothing(api: Client, user: User, cookie: str) -> None:
    """Whatever it holds."""
    answer = api("GET", ACCOUNT, headers={"Cookie": f"grail-account={cookie}"})
    assert (answer.status, b"Sign in to your account" in answer.body) == (200, True)


def test_a_cookie_is_for_its_own_account(visitor: Visitor, api: Client, make_user: MakeUser) -> None:
    """Another id before the secret opens nothing."""
    other = make_user("other")
    secret = visitor.cookies["grail-account"].split(".")[1]
    visitor.cookies["grail-account"] = f"{other.id}.{secret}"
    visitor.visit(ACCOUNT)
    assert "Sign in to your account" in visitor.text


def test_connected_apps_are_shown_and_disconnected(api: Client, user: User, app: OAuth2Client) -> None:
    """What they got is void at once."""
    tokens = redeem(api, get_code(api, "user", PASSWORD)).json
    visitor = enter(api)
    assert "Planner & Co <b>" in visitor.text
    assert visitor.press(decision="disconnect", id="app").status == 303
    visitor.visit(ACCOUNT)
    assert "Planner & Co <b>" not in visitor.text
    assert me(api, tokens["access_token"]) == 401


def test_sessions_are_shown_and_ended(api: Client, user: User, sign_in: SignIn) -> None:
    """Their tokens are refused at once; a second press changes nothing."""
    tokens, visitor = sign_in(), enter(api)
    session_id = tokens["refresh_token"].split(".")[1]
    assert session_id in repr(visitor.last)
    assert [visitor.press(decision="end", id=session_id).status]
    assert me(api, tokens["access_token"]) == 401
    visitor.visit(ACCOUNT)
    before = stored()
    assert (visitor.press(decision="end", id=session_id).status, stored()) == (303, before)


def test_registered_apps_are_shown_and_deleted(api: Client, user: User, token_for: TokenFor) -> None:
    """Who had the password may have left one that acts for the account: its tokens end at once."""
    made = api("POST", CLIENTS, token=token_for(user), data=SERVICE).json
    credentials = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    form = {"grant_type": "client_credentials", **credentials}
    token = api("POST", "/auth/oauth2/token", form=form).json["access_token"]
    visitor = enter(api)
    assert ("Left behind" in visitor.text, me(api, token)) == (True, 200)
    assert visitor.press(decision="delete_client", id=made["client_id"]).status == 303
    visitor.visit(ACCOUNT)
    assert ("Left behind" in visitor.text, me(api, token)) == (False, 401)
    before = stored()
    assert (visitor.press(decision="delete_client", id=made["client_id"]).status, stored()) == (303, before)


@pytest.mark.parametrize("id_", ["documentation", "", "x" * 2000, "client-é"])
def test_apps_of_others_are_not_deleted(visitor: Visitor, documentation: OAuth2Client, id_: str) -> None:
    """Behaviour 38: nothing is written, and nothing breaks."""
    before = stored()
    assert (visitor.press(decision="delete_client", id=id_).status, stored()) == (303, before)


@pytest.mark.parametrize(("decision", "id_"), [("disconnect", "app"), ("end", "")])
def test_others_keep_what_is_theirs(
    *, api: Client, visitor: Visitor, app: OAuth2Client, make_user: MakeUser, decision: str, id_: str
) -> None:
    """Behaviour 38: ids of other accounts' sessions and apps name nothing here."""
    make_user("other")
    tokens = redeem(api, get_code(api, "other", PASSWORD)).json
    visitor.press(decision=decision, id=id_ or tokens["refresh_token"].split(".")[1])
    assert me(api, tokens["access_token"]) == 200


def test_a_password_is_changed(api: Client, user: User, sign_in: SignIn, documentation: OAuth2Client) -> None:
    """Everything else is signed out; this browser goes on with a new session."""
    tokens, other, visitor = sign_in(), enter(api), enter(api)
    answer = visitor.press(decision="password", current_password=PASSWORD, password=NEW_PASSWORD)
    assert (answer.status, me(api, tokens["access_token"])) == (200, 401)
    visitor.visit(ACCOUNT)
    other.visit(ACCOUNT)
    assert ("You are signed in" in visitor.text, "You are signed in" in other.text) == (True, False)
    assert [password(api, "user", text).status for text in (PASSWORD, NEW_PASSWORD)] == [400, 200]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"decision": "password", "current_password": "wrong", "password": NEW_PASSWORD}, 403),
        ({"decision": "password", "current_password": "", "password": NEW_PASSWORD}, 403),
        ({"decision": "password", "current_password": PASSWORD, "password": "short"}, 422),
        ({"decision": "password", "current_password": PASSWORD, "password": "user@test.example"}, 422),
        ({"decision": "email", "current_password": "wrong", "email": "new@test.example"}, 403),
        ({"decision": "email", "current_password": PASSWORD, "email": "nowhere"}, 422),
        ({"decision": "email", "current_password": PASSWORD, "email": ""}, 422),
        ({"decision": "unknown"}, 403),
        ({"decision": "sign_out", "ticket": ""}, 403),
    ],
)
def test_what_is_wrong_is_shown(visitor: Visitor, fields: dict[str, str], status: int) -> None:
    """The page is shown again with an alert, and the account stays as it is."""
    before = [item for item in stored() if item["kind"]["S"] in ("user", "account_session")]
    answer = visitor.press(**fields)
    after = [item for item in stored() if item["kind"]["S"] in ("user", "account_session")]
    assert (answer.status, b'role="alert"' in answer.body, after == before) == (status, True, True)


def test_wrong_current_passwords_are_guesses(visitor: Visitor) -> None:
    """Ten of them, then 429."""
    for _ in range(10):
        visitor.press(decision="password", current_password="wrong", password=NEW_PASSWORD)
    answer = visitor.press(decision="password", current_password=PASSWORD, password=NEW_PASSWORD)
    assert answer.status == 429


@pytest.mark.in_process("listens to the application's events")
def test_an_address_is_changed_by_a_link(api: Client, user: User, required: Mail) -> None:
    """The account keeps the old one until then."""
    visitor = enter(api)
    answer = visitor.press(decision="email", current_password=PASSWORD, email="new@test.example")
    assert (answer.status, required.names) == (200, ["email_change_request"])
    assert "on its way" in visitor.text
    visitor.visit("/account/confirm", token=required.token("email_change_request"))
    assert visitor.press().status == 200
    found = get_many([user.key])[user.key]
    assert isinstance(found, User)
    assert found.email == "new@test.example"


def test_an_address_is_changed_at_once_without_verification(visitor: Visitor, user: User) -> None:
    """EMAIL_VERIFICATION=off; a taken one is 409."""
    fields = {"decision": "email", "current_password": PASSWORD}
    assert visitor.press(**fields, email="new@test.example").status == 200
    visitor.visit(ACCOUNT)
    assert "new@test.example" in visitor.text


@pytest.mark.in_process("listens to the application's events")
def test_who_has_to_confirm_an_address_is_told(api: Client, required: Mail) -> None:
    """Only after the right password."""
    sign_up(api)
    assert "not confirmed yet" in enter(api, "ada", NEW["password"]).text
    assert "not confirmed yet" not in enter(api, "ada", "wrong").text


@pytest.mark.in_process("listens to the application's events")
def test_an_unconfirmed_address_is_marked(api: Client, optional: Mail) -> None:
    """With a link to the page that sends the letter again."""
    sign_up(api)
    visitor = enter(api, "ada", NEW["password"])
    assert ("not confirmed yet" in visitor.text, "/account/verify" in visitor.page.links) == (True, True)


def test_an_account_is_deleted(
    api: Client, visitor: Visitor, user: User, documentation: OAuth2Client
) -> None:
    """With the current password; access ends at once, and the name is free."""
    assert visitor.press(decision="delete", current_password="wrong").status == 403
    answer = visitor.press(decision="delete", current_password=PASSWORD)
    assert (answer.status, password(api, "user", PASSWORD).status) == (200, 400)
    visitor.visit(ACCOUNT)
    assert ("Sign in to your account" in visitor.text, get_many([user.key])) == (True, {})
    assert sign_up(api, username="user", email=user.email).status == 201


def test_the_last_admin_stays(api: Client, admin: User) -> None:
    """409, and nothing is written."""
    visitor = enter(api, "admin")
    before = get_many([admin.key])[admin.key].version
    assert visitor.press(decision="delete", current_password=PASSWORD).status == 409
    assert get_many([admin.key])[admin.key].version == before


def test_a_ticket_ends_in_time(api: Client, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A form that was open for too long is shown again."""
    visitor = enter(api)
    later = time.time() + 601
    monkeypatch.setattr("chalicelib.web.form.time.time", lambda: later)
    assert visitor.press(decision="sign_out").status == 403


def test_another_browser_has_no_use_for_a_ticket(api: Client, user: User) -> None:
    """A form that somebody else fetched signs nobody in, and changes no account."""
    theirs, mine = enter(api), enter(api)
    before = stored()
    mine_ticket = mine.page.fields["ticket"]
    assert (theirs.press(decision="sign_out", ticket=mine_ticket).status, stored()) == (403, before)


@pytest.mark.parametrize(
    "fields", [{"decision": "sign_out"}, {"decision": "password"}, {"decision": "delete"}]
)
def test_a_kill_leaves_all_or_nothing(visitor: Visitor, fields: dict[str, str]) -> None:
    """Each press is one write."""
    fields = {"current_password": PASSWORD, "password": NEW_PASSWORD, **fields}
    before = stored()
    with wire(killed_before_write(0)), pytest.raises(Killed):
        visitor.press(**fields)
    assert stored() == before
    with wire(killed_before_write(1)):
        assert visitor.press(**fields).status in (200, 303)


def test_password_managers_find_the_page(api: Client) -> None:
    """/.well-known/change-password leads to it (W3C)."""
    answer = api("GET", "/.well-known/change-password")
    assert (answer.status, answer.headers["location"].endswith("/account#password")) == (302, True)


def test_the_sign_in_page_of_an_app_helps(api: Client, app: OAuth2Client) -> None:
    """It leads to the page for those who forgot their password."""
    browser = Browser(api)
    browser.open(**query_of())
    assert any(each.endswith("/account/forgotten") for each in browser.page.links)
