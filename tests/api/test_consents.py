"""What a consent covers: what the person saw of the client when they gave it."""

from typing import Any

import pytest

from chalicelib.db import keys
from chalicelib.db.table import query
from chalicelib.oauth.authorize.actions import MAX_DESTINATIONS
from chalicelib.oauth.authorize.models import Consent
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.api.code_tools import CALLBACK, Browser, query_of, redeem, redirected
from tests.api.oauth_tools import me, refresh
from tests.conftest import PASSWORD
from tests.http import Client
from tests.support import NOBODY, TokenFor

ELSEWHERE = "https://elsewhere.test/callback"
NATIVE = [
    "http://127.0.0.1/callback",
    "http://localhost:3000/cb",
    "http://[::1]/cb",
    "com.example.app:/cb",
    "https://localhost:8443/cb",
    "https://127.0.0.1/cb",
    "https://a.localhost/cb",
]
SAME = [CALLBACK, "https://app.test/other?a=b", "https://APP.test/cb", "https://app.test:443/cb"]
OTHER = [
    ELSEWHERE,
    "https://app.test:8443/callback",
    "https://www.app.test/callback",
    "https://app.test.evil/cb",
]
GRANTS = "/api/v1/users/me/grants"


class Person:
    """Signs in to the app, and allows it what the page asks."""

    def __init__(self, api: Client, user: User, app: OAuth2Client) -> None:
        self.api = api
        self.user = user
        self.app = app

    def is_asked(self, **changes: Any) -> bool:
        """Sign in; whether the consent page comes."""
        browser = Browser(self.api)
        browser.open(**query_of(**changes))
        answer = browser.submit("sign_in", username="user", password=PASSWORD)
        assert answer.status in (200, 303), browser.text
        return answer.status == 200

    def allow(self, **changes: Any) -> dict[str, str]:
        """Sign in and allow what is asked; the tokens that come of it."""
        browser = Browser(self.api)
        browser.open(**query_of(**changes))
        assert browser.submit("sign_in", username="user", password=PASSWORD).status == 200
        code = redirected(browser.submit("allow"))["code"]
        uri = changes.get("redirect_uri", CALLBACK)
        tokens: dict[str, str] = redeem(self.api, code, redirect_uri=uri).json
        return tokens

    def change_app(self, **values: Any) -> None:
        """Change the app, as its developer may."""
        self.app.refresh()
        self.app.update([getattr(OAuth2Client, name).set(value) for name, value in values.items()])

    @property
    def consent(self) -> Consent:
        """The consent to the app."""
        (consent,) = query(Consent, keys.user(self.user.id).pk, prefix=keys.CONSENTS)
        return consent

    def is_signed_in(self, tokens: dict[str, str]) -> tuple[int, int]:
        """The statuses that an access token and a refresh token get."""
        again = refresh(self.api, tokens["refresh_token"], client_id="app")
        return me(self.api, tokens["access_token"]), again.status


@pytest.fixture
def person(api: Client, user: User, app: OAuth2Client) -> Person:
    """Somebody who never saw the app before; it has redirect URIs of all kinds."""
    app.update([OAuth2Client.redirect_uris.set([*SAME, *OTHER, *NATIVE])])
    return Person(api, user, app)


@pytest.mark.parametrize("uri", SAME)
def test_the_same_origin_is_covered(person: Person, uri: str) -> None:
    """The page shows the host, so another path on it needs no new consent."""
    person.allow()
    assert not person.is_asked(redirect_uri=uri)


@pytest.mark.parametrize("uri", OTHER)
def test_another_origin_is_asked_about_once(person: Person, uri: str) -> None:
    """Afterwards both are covered, by the same consent: who is signed in stays so."""
    before = person.allow()
    consent_id = person.consent.consent_id
    assert person.is_asked(redirect_uri=uri)
    person.allow(redirect_uri=uri)
    assert [person.is_asked(redirect_uri=each) for each in (uri, CALLBACK)] == [False, False]
    assert (person.consent.consent_id, person.is_signed_in(before)) == (consent_id, (200, 200))


def test_another_name_is_asked_about(person: Person) -> None:
    """Whoever trusted Planner has not trusted Bank; apps are listed by the name that was shown."""
    before = person.allow()
    person.change_app(client_name="Bank")
    assert person.is_asked()
    after = person.allow()
    assert not person.is_asked()
    assert (person.consent.client_name, person.is_signed_in(before)) == ("Bank", (200, 200))
    assert me(person.api, after["access_token"]) == 200


def test_what_a_developer_changes_after_a_consent_is_shown(person: Person) -> None:
    """A new name and a new address get no code before the person has seen them."""
    person.allow()
    person.change_app(client_name="Bank", redirect_uris=["https://phish.test/login"])
    assert person.is_asked(redirect_uri="https://phish.test/login")


@pytest.mark.parametrize("uri", NATIVE)
def test_addresses_of_the_device_are_always_asked_about(person: Person, uri: str) -> None:
    """RFC 8252 §8.6: any app there may receive the code; one consent, and all sign-ins stay."""
    tokens = [person.allow(redirect_uri=uri) for _ in range(3)]
    assert person.is_asked(redirect_uri=uri)
    assert [person.is_signed_in(each) for each in tokens] == [(200, 200)] * 3
    assert (person.consent.destinations, person.is_asked()) == ([], True)


def test_another_registration_is_another_app(person: Person) -> None:
    """A new consent is needed, and nothing of the previous one remains, neither scopes nor tokens."""
    before = person.allow()
    old = person.consent
    person.change_app(registration_id=NOBODY)
    assert person.is_asked()
    after = person.allow(scope="users:read")
    new = person.consent
    assert (new.registration_id, new.scope, new.consent_id != old.consent_id) == (NOBODY, "users:read", True)
    assert (new.created > old.created, not person.is_asked(scope="users:read")) == (True, True)
    assert (person.is_asked(), me(person.api, after["access_token"])) == (True, 200)
    assert person.is_signed_in(before) == (401, 400)


def test_a_consent_that_does_not_say_what_was_shown_covers_nothing(person: Person) -> None:
    """Those that were given before consents kept it: the person is asked once."""
    person.allow()
    person.consent.update([Consent.registration_id.remove(), Consent.destinations.remove()])
    assert person.is_asked()
    person.allow()
    assert not person.is_asked()


def test_a_consent_keeps_the_last_destinations(person: Person) -> None:
    """The list is bounded; for what was dropped, consent is asked again."""
    uris = [f"https://{number}.app.test/callback" for number in range(MAX_DESTINATIONS + 1)]
    person.change_app(redirect_uris=uris)
    for uri in uris:
        person.allow(redirect_uri=uri)
    assert person.consent.destinations == [uri.removesuffix("/callback") for uri in uris[1:]]
    assert [person.is_asked(redirect_uri=uri) for uri in (uris[0], uris[1], uris[-1])] == [True, False, False]


def test_signed_in_apps_are_listed_once(person: Person, token_for: TokenFor) -> None:
    """However often a consent was extended or replaced; the number is exact."""
    person.allow()
    person.allow(redirect_uri=ELSEWHERE)
    person.change_app(client_name="Bank", registration_id=NOBODY)
    person.allow(redirect_uri=NATIVE[0], scope="users:read")
    answer = person.api("GET", GRANTS, token=token_for(person.user))
    (shown,) = answer.json
    assert (shown["client_name"], shown["scope"]) == ("Bank", "users:read")
    assert answer.headers["x-total-count"] == "1"


@pytest.mark.parametrize("uri", [ELSEWHERE, NATIVE[0]])
def test_asking_again_costs_no_round_trip_more(person: Person, round_trips: list[str], uri: str) -> None:
    """One read and one write, as with the first consent."""
    person.allow()
    browser = Browser(person.api)
    browser.open(**query_of(redirect_uri=uri))
    browser.submit("sign_in", username="user", password=PASSWORD)
    round_trips.clear()
    browser.submit("allow")
    assert round_trips == ["BatchGetItem", "TransactWriteItems"]
