"""The pages of the authorization endpoint as browsers and screen readers get them."""

import re

import pytest
from argon2 import PasswordHasher

from chalicelib.db.table import get_many
from chalicelib.oauth.authorize.pages import render_error
from chalicelib.oauth.clients.models import PUBLIC_CLIENT, OAuth2Client
from chalicelib.oauth.errors import BadAuthorizationRequestError
from chalicelib.scopes import FOR_ADMINS, SCOPES
from chalicelib.users.models import User
from chalicelib.users.sign_in import WRONG
from chalicelib.web.call import Request
from tests.api import audit_tools
from tests.api.audit_tools import Trail
from tests.api.code_tools import AUTHORIZE, CALLBACK, Browser, get_code, query_of, redeem
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.support import MakeClient

pytestmark = pytest.mark.full_hashes

TOLD = b' required aria-describedby="alert">'
FOCUS = re.compile(rb"<[^>]* autofocus[^>]*>")
SIGN_IN = b"<title>Sign in \xe2\x80\x93 Grail</title>"
trail = audit_tools.trail
WEAK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def browser(api: Client, app: OAuth2Client, user: User) -> Browser:
    """A browser, and a client that it comes from."""
    return Browser(api)


def test_a_fresh_page_is_empty_and_alarms_nobody(browser: Browser) -> None:
    """The fields are empty, and no error is shown."""
    body = browser.open(**query_of()).body
    assert (browser.page.fields["username"], browser.page.fields["password"]) == ("", "")
    assert (SIGN_IN in body, body.count(b" required"), b"alert" in body) == (True, 2, False)
    links = {link[:14] for link in re.findall(rb'(?:href|src)="([^"]*)"', body)}
    assert links == {b"/api/v1/static", b"/account/forgo", CALLBACK[:14].encode()}
    assert body.endswith(b"</html>\n")
    assert "Sign in to continue to Planner & Co <b> Username or email address" in browser.text


def test_what_went_wrong_is_told_to_screen_readers(browser: Browser) -> None:
    """WCAG 2.2, 3.3.1: the alert is announced, and belongs to both fields."""
    browser.open(**query_of())
    body = browser.submit("sign_in", username="user", password="wrong").body
    assert body.count(b'<p id="alert" role="alert" ') == 1
    assert body.count(TOLD) == 2


def test_the_focus_is_where_a_person_begins(browser: Browser) -> None:
    """Focus is on the first field or the alert; on a consent page nowhere, so that Enter allows nothing."""
    pages = [browser.open(**query_of())]
    pages += [browser.submit("sign_in", username="user", password=text) for text in ("wrong", PASSWORD)]
    found = [[tag.split(b'"')[1] for tag in FOCUS.findall(page.body)] for page in pages]
    assert found == [[b"username"], [b"alert"], []]


def test_an_alert_interrupts_no_sentence(browser: Browser) -> None:
    """It stands above the form, below the words that belong to the heading."""
    browser.open(**query_of())
    browser.submit("sign_in", username="user", password="wrong")
    assert f"Sign in to continue to Planner & Co <b> {WRONG} Username" in browser.text


@pytest.mark.parametrize("username", ["user", "admin"])
def test_only_admins_read_what_a_scope_allows_admins(browser: Browser, admin: User, username: str) -> None:
    """It does not concern anybody else."""
    browser.open(**query_of())
    browser.submit("sign_in", username=username, password=PASSWORD)
    assert (SCOPES["users:read"] in browser.text, FOR_ADMINS["users:read"] in browser.text) == (
        True,
        username == "admin",
    )


def test_links_hold_the_stage_s_path() -> None:
    """Behind API Gateway, a stage is a part of the path."""
    request = Request(
        method="GET",
        path=AUTHORIZE,
        headers={},
        query={},
        body=b"",
        source="203.0.113.7",
        request_id="1",
        base_url="https://api.test/dev",
    )
    text = render_error(request, BadAuthorizationRequestError()).value
    assert {link[:18] for link in re.findall('(?:href|src)="([^"]*)"', text)} == {"/dev/api/v1/static"}


@pytest.mark.parametrize(("grant_type", "missing"), [("password", set()), ("refresh_token", {"auth:write"})])
def test_only_first_party_clients_ask_for_clients(
    *, api: Client, admin: User, user: User, make_client: MakeClient, grant_type: str, missing: set[str]
) -> None:
    """A client that a client made outlives the consent to it."""
    grants = ["authorization_code", grant_type]
    make_client("own", admin, client_type=PUBLIC_CLIENT, grant_types=grants, redirect_uris=[CALLBACK])
    code = get_code(api, "user", PASSWORD, client_id="own", scope=None)
    granted = set(redeem(api, code, "own").json["scope"].split())
    assert granted == set(SCOPES) - missing


@pytest.mark.parametrize("name", ["username", "password"])
def test_a_field_that_is_not_there_is_asked_for(browser: Browser, name: str) -> None:
    """A browser's extension may have taken it out of the form."""
    browser.open(**query_of())
    fields = {**browser.page.fields, "username": "user", "password": PASSWORD, "decision": "sign_in"}
    del fields[name]
    cookie = "; ".join(f"{key}={value}" for key, value in browser.cookies.items())
    answer: Answer = browser.api("POST", browser.page.action, form=fields, headers={"Cookie": cookie})
    assert (answer.status, SIGN_IN in answer.body) == (422, True)


@pytest.mark.parametrize(
    ("uri", "destination"),
    [
        ("https://app.test:8443/cb", "app.test:8443"),
        ("http://127.0.0.1:3000/cb", "127.0.0.1:3000"),
        ("http://[::1]:3000/cb", "[::1]:3000"),
        ("com.example.app:/cb", "the app (com.example.app)"),
        ("com.evil.app://accounts.example/cb", "the app (com.evil.app)"),
        ("http.x://accounts.example/cb", "the app (http.x)"),
    ],
)
def test_the_page_says_where_its_form_leads(
    *,
    api: Client,
    admin: User,
    make_client: MakeClient,
    uri: str,
    destination: str,
) -> None:
    """The host of the redirect URI, or its private-use scheme; no policy blocks what the client does next."""
    make_client("other", admin, grant_types=["authorization_code"], redirect_uris=[uri])
    browser = Browser(api)
    policy = browser.open(**query_of("other", redirect_uri=uri)).headers["content-security-policy"]
    assert "form-action" not in policy
    assert f"Cancel and go back to {destination}" in browser.text


def test_the_cookie_s_name_is_the_stage_s(browser: Browser) -> None:
    """Over http, browsers reject the cookie prefix that excludes other hosts."""
    assert browser.open(**query_of()).headers["set-cookie"].startswith("grail=")


def test_a_page_after_a_failure_keeps_the_browser_s_secret(browser: Browser) -> None:
    """Another tab's form works still."""
    browser.open(**query_of())
    assert "set-cookie" not in browser.submit("sign_in", username="user", password="wrong").headers


def test_a_weaker_hash_is_upgraded_on_the_page(api: Client, app: OAuth2Client, user: User) -> None:
    """Behaviour 35: as in the password grant, and the password still works."""
    user.update([User.password_hash.set(WEAK.hash(PASSWORD))])
    for _ in range(2):
        browser = Browser(api)
        browser.open(**query_of())
        assert browser.submit("sign_in", username="user", password=PASSWORD).status == 200
    stored = get_many([user.key])[user.key].attribute_values["password_hash"]
    assert "m=19456,t=2,p=1" in stored


def test_a_failure_on_the_page_is_told_with_its_client(browser: Browser, user: User, trail: Trail) -> None:
    """The event names the app that somebody tried to sign in to."""
    browser.open(**query_of())
    browser.submit("sign_in", username="user", password="wrong")
    (event,) = trail()
    assert (event["event"], event["outcome"]) == ("sign_in", "failure")
    assert (event["user_id"], event["client_id"]) == (user.id, "app")
