"""The authorization endpoint: what people see, and what the client receives."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from chalicelib.db import keys
from chalicelib.db.table import Item, get_many
from chalicelib.oauth import redirect_uris
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from chalicelib.users.sign_in import MISSING, WRONG
from tests.api.code_tools import (
    AUTHORIZE,
    CALLBACK,
    SCOPE,
    STATE,
    Browser,
    query_of,
    redeem,
    redirected,
    refused,
    way_back,
)
from tests.conftest import PASSWORD
from tests.http import Client
from tests.target import base_url

ISSUER = base_url()
MakeClient = Callable[..., OAuth2Client]


@pytest.fixture
def browser(api: Client, app: OAuth2Client, user: User) -> Browser:
    """A browser on its first visit."""
    return Browser(api)


def signed_in(browser: Browser, **query: Any) -> None:
    """Come as far as the consent page."""
    browser.open(**query_of(**query))
    assert browser.submit("sign_in", username="user", password=PASSWORD).status == 200


def items_of(user: User, prefix: str) -> list[Item]:
    """Read a user's items of a kind."""
    return list(Item.query(keys.user(user.id).pk, Item.sk.startswith(prefix), consistent_read=True))


def test_the_whole_way_gives_tokens(browser: Browser) -> None:
    """Behaviour 34: sign in, consent, and exchange the code for tokens."""
    signed_in(browser)
    answer = redirected(browser.submit("allow"))
    assert (answer["state"], answer["iss"]) == (STATE, ISSUER)
    tokens = redeem(browser.api, answer["code"])
    assert (tokens.status, tokens.json["scope"]) == (200, SCOPE)
    me = browser.api("GET", "/api/v1/users/me", token=tokens.json["access_token"])
    assert (me.status, me.json["username"]) == (200, "user")


def test_the_consent_page_names_who_wants_what(browser: Browser) -> None:
    """The page shows the client, the user, the scopes in words, and where the redirect leads."""
    signed_in(browser)
    assert "Allow access?" in browser.text
    assert "Planner & Co <b> wants to use your account user to:" in browser.text
    assert "See the titles of all teams, which you are in, with their members" in browser.text
    assert "See your account" in browser.text
    assert "Change your" not in browser.text
    assert "app.test" in browser.text


def test_names_are_shown_as_text(browser: Browser) -> None:
    """A client's name is chosen by its owner, and is not treated as markup."""
    assert b"Planner &amp; Co &lt;b&gt;" in browser.open(**query_of()).body


@pytest.mark.parametrize("step", ["sign_in", "consent"])
def test_denial_is_told_to_the_client(browser: Browser, step: str) -> None:
    """RFC 6749 §4.1.2.1: access_denied, with state and iss, by a link of either page."""
    browser.open(**query_of())
    if step == "consent":
        browser.submit("sign_in", username="user", password=PASSWORD)
    answer = refused(browser)
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", STATE, ISSUER)
    assert "code" not in answer


def test_a_consent_is_remembered(browser: Browser, user: User) -> None:
    """A person who has consented is not asked again for the same scopes or fewer."""
    signed_in(browser)
    browser.submit("allow")
    browser.open(**query_of(scope="users:read"))
    answer = redirected(browser.submit("sign_in", username="user", password=PASSWORD))
    assert redeem(browser.api, answer["code"]).json["scope"] == "users:read"


def test_more_scopes_need_another_consent(browser: Browser, user: User) -> None:
    """A remembered consent covers its scopes, and afterwards both."""
    signed_in(browser)
    browser.submit("allow")
    signed_in(browser, scope="teams:write")
    browser.submit("allow")
    [consent] = items_of(user, "CONSENT#")
    assert consent.attribute_values["scope"] == "teams:read teams:write users:read"


def test_another_user_is_asked_in_turn(browser: Browser, make_user: Callable[..., User]) -> None:
    """A consent belongs to one person."""
    signed_in(browser)
    browser.submit("allow")
    make_user("other")
    browser.open(**query_of())
    assert browser.submit("sign_in", username="other", password=PASSWORD).status == 200


@pytest.mark.parametrize(
    "host", ["127.0.0.1\u0301" * 99, "\uff11\uff12\uff17.0.0.1", "127.0.0.1/" + 2048 * "x"]
)
def test_what_no_client_can_have_registered_is_not_taken_apart(
    api: Client, admin: User, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Urlsplit normalizes what is not ASCII, which takes quadratic time."""
    make_client("desktop", admin, grant_types=["authorization_code"], redirect_uris=["http://127.0.0.1/cb"])
    taken: list[str] = []
    monkeypatch.setattr(redirect_uris, "_without_port", taken.append)
    answer = Browser(api).open(**query_of("desktop", redirect_uri=f"http://{host}/cb"))
    assert (answer.status, taken) == (400, [])


@pytest.mark.parametrize(
    ("uris", "fits"),
    [
        (("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"), True),
        (("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb"), True),
        (("http://[::1]/cb", "http://[::1]:5000/cb"), True),
        (("http://localhost:3000/cb", "http://localhost:3001/cb"), True),
        (("http://127.0.0.1/cb", "http://127.0.0.1:49152/other"), False),
        (("http://127.0.0.1/cb", "http://localhost:49152/cb"), False),
        (("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb"), False),
        (("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb"), False),
        (("http://127.0.0.1/cb", "http://127.0.0.1:x/cb"), False),
        (("http://127.0.0.1/cb", "https://127.0.0.1:49152/cb"), False),
        (("http://127.0.0.1/cb", "http://x@127.0.0.1:49152/cb"), False),
        (("http://127.0.0.1/cb?at=127.0.0.1", "http://127.0.0.1:1/cb?at=127.0.0.1:1"), False),
        # none of these can be registered; even then they would not be accepted
        (("http://app.test/cb", "http://app.test:1/cb"), False),
        (("http://x@127.0.0.1/cb", "http://x@127.0.0.1:1/cb"), False),
        (("com.example.app:/cb", "com.example.app:/cb"), True),
        (("com.example.app:/cb", "com.example.app:/cb2"), False),
    ],
)
def test_loopback_ports_are_free(
    api: Client, admin: User, make_client: MakeClient, uris: tuple[str, str], fits: bool
) -> None:
    """RFC 8252 §7.3: an app on a desktop gets any port of the loopback address it registered."""
    registered, given = uris
    make_client("desk", admin, grant_types=["authorization_code"], redirect_uris=[registered])
    answer = Browser(api).open(**query_of("desk", redirect_uri=given))
    assert answer.status == (200 if fits else 400)


def test_the_only_redirect_uri_need_not_be_named(browser: Browser) -> None:
    """RFC 6749 §3.1.2.3: a client with one redirect URI may leave it out, here and at the exchange."""
    signed_in(browser, redirect_uri=None)
    answer = browser.submit("allow")
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    assert redeem(browser.api, redirected(answer)["code"], redirect_uri=None).status == 200


def test_a_query_in_the_redirect_uri_is_kept(api: Client, admin: User, make_client: MakeClient) -> None:
    """RFC 6749 §3.1.2: parameters are added to those that are there."""
    uri = f"{CALLBACK}?tenant=a%20b"
    make_client("tenant", admin, grant_types=["authorization_code"], redirect_uris=[uri])
    browser = Browser(api)
    browser.open(**query_of("tenant", redirect_uri=uri))
    assert way_back(browser).startswith(f"{uri}&error=access_denied")


@pytest.mark.parametrize("state", ["", "a b&c=d", "é😀", "\r\nX-Injected: 1", "x" * 2048])
def test_state_comes_back_as_it_was(browser: Browser, state: str) -> None:
    """RFC 6749 §4.1.2: exactly, whatever it holds."""
    signed_in(browser, state=state)
    refusal = way_back(browser)
    answer = browser.submit("allow")
    assert "x-injected" not in answer.headers
    for address in (refusal, answer.headers["location"]):
        assert urlencode({"state": state}) in urlsplit(address).query.split("&")


def test_without_state_none_comes_back(browser: Browser) -> None:
    """RFC 6749 §4.1.2: only if the client sent one."""
    signed_in(browser, state=None)
    assert "state" not in refused(browser)
    assert "state" not in redirected(browser.submit("allow"))


@pytest.mark.parametrize(
    ("username", "password"), [("user", "wrong"), ("nobody", PASSWORD), ("disabled", PASSWORD)]
)
def test_a_failed_sign_in_does_not_say_why(
    browser: Browser, make_user: Callable[..., User], username: str, password: str
) -> None:
    """Behaviour 7: unknown, wrong and disabled look alike; the form keeps the name, never the password."""
    make_user("disabled", is_active=False)
    browser.open(**query_of())
    answer = browser.submit("sign_in", username=username, password=password)
    assert (answer.status, browser.page.fields["username"], browser.page.fields["password"]) == (
        403,
        username,
        "",
    )
    assert WRONG in browser.text


@pytest.mark.parametrize(("username", "password"), [("user", ""), ("", PASSWORD), ("  ", PASSWORD), ("", "")])
def test_fields_that_are_missing_are_asked_for(browser: Browser, username: str, password: str) -> None:
    """This does not count as a failure, and the form keeps a name that was entered."""
    browser.open(**query_of())
    assert browser.submit("sign_in", username=username, password=password).status == 422
    assert (browser.page.fields["username"], MISSING in browser.text) == (username.strip(), True)
    assert browser.submit("sign_in", username="user", password=PASSWORD).status == 200


@pytest.mark.parametrize("name", ["user@test.example", " User@Test.Example "])
def test_an_email_address_signs_in_too(browser: Browser, name: str) -> None:
    """People type the name that they remember."""
    browser.open(**query_of())
    assert browser.submit("sign_in", username=name, password=PASSWORD).status == 200


def test_a_failed_sign_in_may_be_repeated(browser: Browser) -> None:
    """The page that is shown again works."""
    browser.open(**query_of())
    browser.submit("sign_in", username="user", password="wrong")
    assert browser.submit("sign_in", username="user", password=PASSWORD).status == 200


def test_guessing_is_stopped(browser: Browser) -> None:
    """Behaviour 37: ten failures, then 429 for right and wrong alike, on a page."""
    browser.open(**query_of())
    for _ in range(10):
        browser.submit("sign_in", username="user", password="wrong")
    answer = browser.submit("sign_in", username="user", password=PASSWORD)
    assert (answer.status, answer.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert int(answer.headers["retry-after"]) > 0
    form = {"grant_type": "password", "client_id": "documentation", "username": "user", "password": PASSWORD}
    assert browser.api("POST", "/auth/oauth2/token", form=form).status in (401, 429)


def test_codes_are_kept_as_hashes(browser: Browser, user: User) -> None:
    """Behaviour 28: a dump of the table holds no code."""
    signed_in(browser)
    code = redirected(browser.submit("allow"))["code"]
    [item] = items_of(user, "CODE#")
    assert code.split(".")[1] not in str(item.attribute_values) + str(get_many([item.key]))


def test_pages_are_not_kept(browser: Browser) -> None:
    """Behaviour 52: neither pages nor redirects stay in a cache."""
    pages = [browser.open(**query_of()), browser.submit("sign_in", username="user", password=PASSWORD)]
    pages.append(browser.submit("allow"))
    assert {page.headers["cache-control"] for page in pages} == {"no-store"}


def test_pages_run_nothing_and_are_framed_by_nobody(browser: Browser) -> None:
    """Behaviour 52: neither scripts nor markup of others, and no page around them."""
    pages = [browser.open(**query_of()), browser.submit("sign_in", username="user", password=PASSWORD)]
    pages.append(browser.open(client_id="nobody"))
    policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    assert {page.headers["content-security-policy"] for page in pages} == {policy}
    assert {page.headers["x-frame-options"] for page in pages} == {"DENY"}
    assert {page.headers["referrer-policy"] for page in pages} == {"same-origin"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_other_page_reads_these(browser: Browser, method: str) -> None:
    """Behaviour 53: no CORS on the authorization endpoint, for no origin."""
    browser.headers["Origin"] = "http://localhost:3000"
    answer = browser.open(**query_of())
    if method == "POST":
        answer = browser.submit("sign_in", username="user", password="wrong")
    assert [name for name in answer.headers if name.startswith("access-control")] == []


def test_get_takes_no_password(browser: Browser) -> None:
    """A link can't sign anybody in: a GET carries only the authorization request."""
    answer = browser.open(**query_of(), username="user", password=PASSWORD, decision="allow")
    assert (answer.status, browser.page.buttons) == (200, ["sign_in"])


def test_the_path_is_the_authorization_endpoint(browser: Browser) -> None:
    """RFC 6749 §3.1: unknown parameters are ignored."""
    assert browser.api("GET", f"{AUTHORIZE}?{urlencode(query_of())}&unknown=1&prompt=login").status == 200


def test_signing_in_takes_three_round_trips_and_consenting_two(
    browser: Browser, round_trips: list[str]
) -> None:
    """docs/performance.md: as the password grant; where consent is remembered, the code is made at once."""
    browser.open(**query_of())
    round_trips.clear()
    browser.submit("sign_in", username="user", password=PASSWORD)
    assert round_trips == ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]
    round_trips.clear()
    browser.submit("allow")
    assert round_trips == ["BatchGetItem", "TransactWriteItems"]
    browser.open(**query_of())
    round_trips.clear()
    assert browser.submit("sign_in", username="user", password=PASSWORD).status == 303
    assert round_trips == ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]


def test_other_people_s_applications_never_get_to_manage_clients(
    api: Client, admin: User, user: User, make_client: MakeClient
) -> None:
    """RFC 9700 §2.3: a client made with such a token would outlive the consent to it."""
    make_client("greedy", admin, grant_types=["authorization_code"], redirect_uris=[CALLBACK])
    browser = Browser(api)
    browser.open(**query_of("greedy", scope="auth:write"))
    assert refused(browser)["error"] == "invalid_scope"
    signed_in(browser, client_id="greedy", scope=None)
    assert "Create, change and delete your OAuth2 clients" not in browser.text


def test_first_party_clients_may_manage_clients(
    api: Client, admin: User, user: User, make_client: MakeClient
) -> None:
    """An admin marked them, by the password grant."""
    make_client("ours", admin, grant_types=["authorization_code", "password"], redirect_uris=[CALLBACK])
    browser = Browser(api)
    signed_in(browser, client_id="ours", scope="auth:write")
    assert "Create, change and delete your OAuth2 clients" in browser.text
