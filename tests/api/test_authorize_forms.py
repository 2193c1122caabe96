"""Forms of the authorization endpoint that did not come from its own page (CSRF, RFC 9700 §4.7)."""

import hashlib
import time
from urllib.parse import urlencode

import pytest

from chalicelib.db.table import Item
from chalicelib.oauth.authorize.handlers import CHANGED
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.api.code_tools import AUTHORIZE, CALLBACK, Browser, query_of, redirected
from tests.api.oauth_tools import at_call, password
from tests.conftest import PASSWORD
from tests.http import Client
from tests.support import MakeUser, dump_table


@pytest.fixture
def browser(api: Client, app: OAuth2Client, user: User) -> Browser:
    """A browser, and a client that it comes from."""
    return Browser(api)


def consenting(browser: Browser) -> Browser:
    """Come as far as the consent page."""
    browser.open(**query_of())
    assert browser.submit("sign_in", username="user", password=PASSWORD).status == 200
    return browser


def is_asked_again(browser: Browser) -> bool:
    """Whether the sign-in page is shown with a reason."""
    assert browser.last is not None
    return browser.last.status == 403 and browser.page.buttons == ["sign_in"] and "again" in browser.text


@pytest.mark.parametrize("decision", ["sign_in", "allow", "deny"])
def test_a_form_without_ticket_does_nothing(browser: Browser, decision: str) -> None:
    """A form that another site made up; not even a denial passes."""
    browser.open(**query_of())
    form = {"username": "user", "password": PASSWORD, "decision": decision}
    path = browser.page.action
    browser.last = browser.api("POST", path, form=form)
    assert is_asked_again(browser)


@pytest.mark.parametrize("decision", ["sign_in", "allow", "deny"])
def test_nor_does_one_that_comes_with_the_cookie(browser: Browser, decision: str) -> None:
    """Behaviour 50: a form without its hidden field is asked again, and no error of the server."""
    browser.open(**query_of())
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    form = {"username": "user", "password": PASSWORD, "decision": decision}
    path = browser.page.action
    browser.last = browser.api("POST", path, form=form, headers={"Cookie": cookie})
    assert is_asked_again(browser)


def test_a_ticket_is_one_browser_s(browser: Browser, api: Client) -> None:
    """An attacker's own ticket, in the form that a victim's browser sends with its own cookie."""
    attacker = Browser(api)
    attacker.open(**query_of())
    browser.open(**query_of())
    browser.submit("sign_in", username="user", password=PASSWORD, ticket=attacker.page.fields["ticket"])
    assert is_asked_again(browser)


def test_a_form_without_cookie_does_nothing(browser: Browser) -> None:
    """SameSite=Lax: a form of another site comes without the cookie."""
    browser.open(**query_of())
    browser.cookies.clear()
    browser.submit("sign_in", username="user", password=PASSWORD)
    assert is_asked_again(browser)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_the_browser_calls_foreign_does_nothing(browser: Browser, site: str) -> None:
    """Fetch Metadata: the browser itself says where a form comes from."""
    browser.open(**query_of())
    browser.headers["Sec-Fetch-Site"] = site
    browser.submit("sign_in", username="user", password=PASSWORD)
    assert is_asked_again(browser)


def test_own_forms_pass(browser: Browser) -> None:
    """What a browser sends with a form of this very page."""
    browser.open(**query_of())
    browser.headers["Sec-Fetch-Site"] = "same-origin"
    assert browser.submit("sign_in", username="user", password=PASSWORD).status == 200


@pytest.mark.parametrize("changes", [{"scope": "teams:write"}, {"state": "other"}, {"redirect_uri": None}])
def test_a_ticket_is_for_one_request(browser: Browser, changes: dict[str, str]) -> None:
    """Consent covers only what was shown: the request must not change after the form was displayed."""
    ticket = consenting(browser).page.fields["ticket"]
    browser.open(**query_of(**changes))
    path = browser.page.action
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    form = {"ticket": ticket, "decision": "allow"}
    browser.last = browser.api("POST", path, form=form, headers={"Cookie": cookie})
    assert is_asked_again(browser)


def test_a_sign_in_ticket_is_no_consent(browser: Browser) -> None:
    """Without a sign-in, allowing has no effect."""
    browser.open(**query_of())
    form = {**browser.page.fields, "decision": "allow"}
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    path = browser.page.action
    browser.last = browser.api("POST", path, form=form, headers={"Cookie": cookie})
    assert is_asked_again(browser)


@pytest.mark.parametrize("position", [0, 10, 24, -1])
def test_a_changed_ticket_does_nothing(browser: Browser, position: int) -> None:
    """One character is enough."""
    ticket = consenting(browser).page.fields["ticket"]
    index = position % len(ticket)
    changed = ticket[:index] + ("A" if ticket[index] != "A" else "B") + ticket[index + 1 :]
    browser.submit("allow", ticket=changed)
    assert is_asked_again(browser)


@pytest.mark.parametrize("step", ["sign_in", "consent"])
def test_tickets_grow_old(browser: Browser, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that was left open expires after ten minutes."""
    browser.open(**query_of())
    if step == "consent":
        consenting(browser)
    decision = "allow" if step == "consent" else "sign_in"
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 601)
    browser.submit(decision)
    assert is_asked_again(browser)


@pytest.mark.parametrize("change", ["disabled", "password", "deleted"])
def test_what_ended_the_account_s_tokens_ends_tickets(browser: Browser, user: User, change: str) -> None:
    """Behaviour 26: between signing in and consenting."""
    consenting(browser)
    if change == "deleted":
        user.delete()
    else:
        actions = {"disabled": User.is_active.set(False), "password": User.credentials_version.add(1)}
        user.update([actions[change]])
    browser.submit("allow")
    assert is_asked_again(browser)
    assert list(Item.query(user.pk, Item.sk.startswith("CODE#"))) == []


def test_a_consent_page_counts_once(browser: Browser) -> None:
    """RFC 9700 §4.7: a form sent again has no effect, so that a revoked consent stays revoked."""
    consenting(browser)
    page = browser.last
    assert "code" in redirected(browser.submit("allow"))
    browser.last = page
    answer = browser.submit("allow")
    assert (answer.status, browser.page.buttons) == (409, ["sign_in"])
    assert CHANGED in browser.text


@pytest.mark.parametrize("decision", ["", "DENY", "yes", "sign_in", "allow "])
def test_only_allowing_is_consent(browser: Browser, decision: str) -> None:
    """Any other value of the button, or none, is not a consent."""
    consenting(browser)
    form = {**browser.page.fields, **({"decision": decision} if decision else {})}
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    path = browser.page.action
    browser.last = browser.api("POST", path, form=form, headers={"Cookie": cookie})
    assert is_asked_again(browser)


@pytest.mark.parametrize("change", ["default_scopes", "redirect_uris", "client_name"])
def test_consent_is_to_what_was_shown(browser: Browser, app: OAuth2Client, change: str) -> None:
    """A client that changes while a person reads the page has to be shown again."""
    browser.open(**query_of(scope=None))
    browser.submit("sign_in", username="user", password=PASSWORD)
    values = {
        "default_scopes": OAuth2Client.default_scopes.set(["teams:read", "users:read", "users:write"]),
        "redirect_uris": OAuth2Client.redirect_uris.set([CALLBACK, "https://elsewhere.test/x"]),
        "client_name": OAuth2Client.client_name.set("Somebody else"),
    }
    app.update([values[change]])
    answer = browser.submit("allow")
    assert (answer.status, browser.page.buttons) == (409, ["sign_in"])
    assert CHANGED in browser.text


def test_consent_is_to_the_scopes_that_were_shown(
    browser: Browser, app: OAuth2Client, make_user: MakeUser
) -> None:
    """Once its owner is an admin a client may ask for more than the person saw, so they are asked again."""
    owner = make_user("owner")
    app.update(
        [
            OAuth2Client.user_id.set(owner.id),
            OAuth2Client.grant_types.set(["password", "authorization_code"]),
            OAuth2Client.default_scopes.set(["auth:write", "users:read"]),
        ]
    )
    browser.open(**query_of(scope=None))
    browser.submit("sign_in", username="user", password=PASSWORD)
    owner.update([User.is_admin.set(True)])
    answer = browser.submit("allow")
    assert (answer.status, browser.page.buttons) == (409, ["sign_in"])


def test_the_mark_of_a_used_ticket_outlives_it(browser: Browser) -> None:
    """RFC 9700 §4.7: TTL removes it when the page has expired, and not before."""
    consenting(browser).submit("allow")
    [mark] = [item for item in dump_table() if item["kind"]["S"] == "used_ticket"]
    assert 600 <= int(mark["expires_at"]["N"]) - time.time() <= 700


@pytest.mark.parametrize("is_remembered", [True, False])
def test_guesses_during_a_sign_in_hold_it_back(
    browser: Browser, documentation: OAuth2Client, is_remembered: bool
) -> None:
    """Behaviour 37: whether the consent is remembered or not, parallel guesses gain nothing."""
    if is_remembered:
        consenting(browser).submit("allow")
    browser.open(**query_of())
    for _ in range(9):
        password(browser.api, "user", "wrong")
    with at_call("TransactWriteItems", lambda: password(browser.api, "user", "the tenth")):
        answer = browser.submit("sign_in", username="user", password=PASSWORD)
    assert (answer.status, answer.headers["content-type"]) == (429, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    "newline",
    ["\\012", pytest.param("\n", marks=pytest.mark.in_process("no HTTP client sends such a header")), "%0A"],
)
def test_no_cookie_makes_a_ticket_into_another_one(browser: Browser, admin: User, newline: str) -> None:
    """Behaviour 34: what a browser sends as its cookie can't shift the parts of what is sealed."""
    query = urlencode(sorted(query_of().items()), doseq=True)
    digest = hashlib.sha256(query.encode()).hexdigest()
    cookie = f'"b{newline}{digest}{newline}9999999999 {admin.id} 0 "'
    browser.open(**query_of())
    browser.cookies = {"grail": cookie}
    browser.submit("sign_in", username="user", password=PASSWORD)
    assert is_asked_again(browser)
    assert cookie not in browser.cookies.values()


def test_the_cookie_says_nothing_and_lasts_for_the_session(browser: Browser) -> None:
    """No script reads it, no other site sends it, and closing the browser forgets it."""
    attributes = browser.open(**query_of()).headers["set-cookie"].split("; ")
    assert attributes[1:] == ["Path=/", "HttpOnly", "SameSite=Lax"]


def test_a_browser_keeps_its_cookie(browser: Browser) -> None:
    """Two tabs may be open at once."""
    browser.open(**query_of())
    assert "set-cookie" not in browser.open(**query_of()).headers


@pytest.mark.parametrize("cookie", ["grail", "grail=", "=;;", "grail=é", 'grail="', "x" * 5000])
def test_odd_cookies_do_no_harm(browser: Browser, cookie: str) -> None:
    """Behaviour 50: whatever a browser sends."""
    answer = browser.api(
        "GET",
        AUTHORIZE + "?" + "&".join(f"{k}={v}" for k, v in query_of().items()),
        headers={"Cookie": cookie},
    )
    assert answer.status == 200
