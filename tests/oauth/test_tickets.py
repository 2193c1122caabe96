"""What ties a form to a browser, over https as it is deployed; tests/api has the pages themselves."""

from dataclasses import replace

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.oauth.authorize.pages import make_ticket, open_ticket
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.security.seals import seal, unseal
from chalicelib.users.models import User, new_user
from chalicelib.web.call import Call, Request
from chalicelib.web.form import browser_of, new_browser
from tests.support import a_context

BROWSER = "x" * 43
REQUEST = Request(
    method="POST",
    path="/auth/oauth2/authorize",
    headers={},
    query={"client_id": ["app"], "scope": ["a b"]},
    body=b"",
    source="203.0.113.7",
    request_id="1",
    base_url="https://api.test",
)

CLIENT = OAuth2Client.at(keys.client("app"), user_id=keys.new_id(), version=3)


def call(cookie: str | None = None, query: dict[str, list[str]] | None = None) -> Call:
    """A request of a browser, with its cookie."""
    headers = {"cookie": cookie} if cookie is not None else {}
    request = replace(REQUEST, headers=headers, query=REQUEST.query if query is None else query)
    return Call(request, {}, a_context(), {})


@pytest.fixture
def user() -> User:
    """Somebody who signed in; stored nowhere."""
    found = new_user(username="user", email="user@test.example", password_hash="")
    found.credentials_version = 7
    return found


def test_a_cookie_over_https_is_this_hosts_alone() -> None:
    """RFC 6265bis §4.1.3.2: by its prefix a browser knows that no other host of the domain set it."""
    browser, header = new_browser(call())
    assert header == f"__Host-grail={browser}; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert browser_of(call(f"a=1; __Host-grail={browser}; b=2")) == browser


@pytest.mark.parametrize(
    "cookie",
    [
        None,
        "",
        f"grail={BROWSER}",
        f"a={BROWSER}",
        "__Host-grail",
        "__Host-grail=",
        "__Host-grail=short",
        f'__Host-grail="{BROWSER}"',
        '__Host-grail="x\\012y"',
    ],
)
def test_no_other_cookie_names_a_browser(cookie: str | None) -> None:
    """Other hosts of the domain can set a cookie without the prefix: it is not read."""
    assert browser_of(call(cookie)) is None


def test_each_browser_gets_256_bits_of_its_own() -> None:
    """32 random bytes make 43 characters of base64."""
    found = {new_browser(call())[0] for _ in range(20)}
    assert (len(found), {len(browser) for browser in found}) == (20, {43})


def test_a_ticket_carries_who_signed_in(user: User) -> None:
    """The consent page knows for whom it asks, and under which credentials."""
    ticket = open_ticket(
        call(f"__Host-grail={BROWSER}"),
        make_ticket(call(), BROWSER, CLIENT, user, frozenset({"users:read"})),
    )
    assert ticket
    assert (ticket.user_id, ticket.credentials_version, ticket.client_version) == (user.id, 7, 3)
    assert ticket.scopes == ["users:read"]


def test_a_ticket_of_the_sign_in_page_names_nobody() -> None:
    """Nobody has signed in there."""
    ticket = open_ticket(call(f"__Host-grail={BROWSER}"), make_ticket(call(), BROWSER, CLIENT))
    assert ticket
    assert ticket.user_id is None


@pytest.mark.parametrize(("after", "is_good"), [(0, True), (599, True), (600, False)])
def test_a_ticket_lives_ten_minutes(after: int, is_good: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticket expires to the second."""
    monkeypatch.setattr("time.time", lambda: 1_000_000)
    ticket = make_ticket(call(), BROWSER, CLIENT)
    monkeypatch.setattr("time.time", lambda: 1_000_000 + after)
    assert (open_ticket(call(f"__Host-grail={BROWSER}"), ticket) is not None) is is_good


def test_the_order_of_the_parameters_says_nothing() -> None:
    """A browser or gateway may send the query of the form's address in another order."""
    other = dict(reversed(REQUEST.query.items()))
    assert open_ticket(call(f"__Host-grail={BROWSER}", query=other), make_ticket(call(), BROWSER, CLIENT))


@pytest.mark.parametrize(
    "query",
    [
        {"client_id": ["app"], "scope": ["a", "b"]},
        {"client_id": ["app"]},
        {"client_id": ["app"], "scope": ["a b&c=1"]},
        {},
    ],
)
def test_a_ticket_is_for_one_query(query: dict[str, list[str]]) -> None:
    """Consent covers only the request that was shown."""
    assert (
        open_ticket(call(f"__Host-grail={BROWSER}", query=query), make_ticket(call(), BROWSER, CLIENT))
        is None
    )


@pytest.mark.parametrize(
    "odd", ["a[b]=1", 'x={"a":1}', 'x="un', "expires=1", "é=1", "a b=1", "=", ";;", "$Path=/"]
)
def test_odd_cookies_of_others_do_not_hide_ours(odd: str) -> None:
    """Other applications on the host may set any cookie."""
    assert browser_of(call(f"{odd}; __Host-grail={BROWSER}")) == BROWSER


@pytest.mark.parametrize("split", [1, 5, 9])
def test_parts_of_a_purpose_keep_apart(split: int) -> None:
    """What a caller puts into one part, or into the text, can't pass for another part."""
    key = application.api.keystore.keyring().mac_key("ticket")
    whole = "b\nH\n999 somebody 0"
    sealed = seal(key, ("consent", whole, "H"), "1 me 0")
    assert unseal(key, ("consent", whole[:split], whole[split:] + "\nH"), sealed) is None
    data = sealed[:22] + seal(key, ("consent", "b", "H"), "999 somebody 0 \nH\n1 me 0")[22:]
    assert unseal(key, ("consent", "b", "H"), data) is None
    assert unseal(key, ("consent", whole, "H"), sealed) == "1 me 0"
