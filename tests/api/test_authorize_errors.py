"""Invalid requests: what a person is shown, and how the client is informed."""

from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.api.code_tools import AUTHORIZE, CALLBACK, STATE, VERIFIER, Browser, query_of, refused
from tests.http import Client
from tests.support import MakeClient
from tests.target import base_url

ISSUER = base_url()


@pytest.fixture
def browser(api: Client, app: OAuth2Client, user: User) -> Browser:
    """A browser, and a client that it comes from."""
    return Browser(api)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "teams:read nothing:read"}, "invalid_scope"),
        ({"scope": "auth:write"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain", "code_challenge": VERIFIER}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"request": "e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/r"}, "request_uri_not_supported"),
        ({"scope": ["teams:read", "users:read"]}, "invalid_request"),
        ({"state": ["a", "b"]}, "invalid_request"),
        ({"scope": "x" * 3000}, "invalid_request"),
    ],
    ids=str,
)
def test_errors_go_to_the_client_by_a_link(browser: Browser, changes: dict[str, Any], error: str) -> None:
    """Any error other than a bad client or redirect URI is sent there, with state and iss (RFC 9207 §2)."""
    page = browser.open(**query_of(**changes))
    answer = refused(browser)
    assert (page.status, page.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert (answer["error"], answer["iss"], answer["error_description"][-1]) == (error, ISSUER, ".")
    assert answer.get("state") == (None if isinstance(changes.get("state"), list) else STATE)
    assert (browser.page.buttons, f"({error})" in browser.text.replace(" ", "")) == ([], True)


BROKEN = {"scope": "bogus"}, {"code_challenge": None}, {"response_type": "token"}, {"request": "x"}


@pytest.mark.parametrize("changes", [{}, *BROKEN], ids=str)
@pytest.mark.parametrize("client_id", ["app", "documentation"])
def test_nobody_is_sent_to_a_client_before_signing_in(
    browser: Browser, make_client: MakeClient, admin: User, *, changes: dict[str, Any], client_id: str
) -> None:
    """RFC 9700 §4.11.2: for any request, by link or by form, and for any client."""
    if client_id == "documentation":
        grants = ["authorization_code", "password"]
        make_client(client_id, admin, grant_types=grants, redirect_uris=[CALLBACK])
    query = query_of(client_id, **changes)
    answers = [browser.open(**query)]
    path = f"{AUTHORIZE}?{urlencode(query, doseq=True)}"
    for decision in ("sign_in", "allow", "deny"):
        form = {**browser.page.fields, "username": "user", "password": "wrong", "decision": decision}
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        answers.append(browser.api("POST", path, form=form, headers={"Cookie": cookie}))
    assert [answer.status for answer in answers if "location" in answer.headers] == []


def test_the_page_of_an_error_says_where_its_link_leads(browser: Browser) -> None:
    """A person decides to continue to the client, and knows whose request was wrong."""
    browser.open(**query_of(scope="bogus"))
    assert "You cannot sign in to Planner & Co <b> : something is wrong with its request." in browser.text
    assert browser.text.count("Go back to app.test") == 1


def test_a_client_without_the_grant_is_told(api: Client, admin: User, make_client: MakeClient) -> None:
    """RFC 6749 §4.1.2.1: unauthorized_client."""
    make_client("other", admin, redirect_uris=[CALLBACK], grant_types=["client_credentials"])
    browser = Browser(api)
    browser.open(**query_of("other"))
    assert refused(browser)["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "nobody"},
        {"client_id": "../etc"},
        {"client_id": ["app", "app"]},
        {"client_id": "x" * 3000},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": f"{CALLBACK}/"},
        {"redirect_uri": f"{CALLBACK}?more=1"},
        {"redirect_uri": f"{CALLBACK}#part"},
        {"redirect_uri": CALLBACK.upper()},
        {"redirect_uri": "https://app.test:443/callback"},
        {"redirect_uri": "https://app.test@evil.example/callback"},
        {"redirect_uri": "https://app.test/x/../callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "//app.test/callback"},
        {"redirect_uri": [CALLBACK, "https://evil.example/"]},
        {"redirect_uri": [CALLBACK, CALLBACK]},
    ],
    ids=str,
)
def test_nobody_is_sent_to_an_unregistered_address(browser: Browser, changes: dict[str, Any]) -> None:
    """Behaviour 34: the person is told on a page instead."""
    answer = browser.open(**query_of(**changes))
    assert (answer.status, "location" in answer.headers) == (400, False)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "Something went wrong The app that sent you here" in browser.text
    assert browser.page.links == []


def test_a_long_state_comes_back_whole(browser: Browser) -> None:
    """RFC 6749 §4.1.2.1: a client would take a different state for a forgery."""
    state = "s" * 3000
    browser.open(**query_of(state=state))
    answer = refused(browser)
    assert (answer["error"], answer["state"]) == ("invalid_request", state)
