"""Registering OAuth2 clients: defaults, redirect URIs, and what does not fit together."""

from typing import Any

import pytest

from chalicelib.users.models import User
from tests.http import Client
from tests.support import Clients, TokenFor, stored

URI = "https://app.test/callback"


@pytest.fixture
def clients(api: Client, user: User, token_for: TokenFor) -> Clients:
    """Calls as an ordinary user."""
    return Clients(api, token_for(user))


DEFAULTS = [
    ({}, "confidential", ["client_credentials"]),
    ({"redirect_uris": []}, "confidential", ["client_credentials"]),
    ({"redirect_uris": [URI]}, "confidential", ["authorization_code", "refresh_token"]),
    ({"redirect_uris": [URI], "client_type": "public"}, "public", ["authorization_code", "refresh_token"]),
    ({"grant_types": ["refresh_token"]}, "confidential", ["refresh_token"]),
]


@pytest.mark.parametrize(("fields", "client_type", "grant_types"), DEFAULTS)
def test_what_a_client_is_by_default(
    clients: Clients, fields: dict[str, Any], client_type: str, grant_types: list[str]
) -> None:
    """Confidential; grant types by whether there are redirect URIs."""
    answer = clients.register(**fields).json
    assert (answer["client_type"], sorted(answer["grant_types"])) == (client_type, sorted(grant_types))
    assert answer["client_name"] == ""


def test_the_name_of_a_client_is_what_its_owner_calls_it(clients: Clients) -> None:
    """Behaviour 34: people are asked for consent by it."""
    made = clients.register(client_name="Planner")
    shown = clients("GET", made.json["client_id"])
    assert (made.json["client_name"], shown.json["client_name"]) == ("Planner", "Planner")


GOOD_URIS = [
    URI,
    "https://app.test",
    "https://app.test:8443/a/b?c=d&e=%20",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:51004/callback",
    "http://localhost:3000/callback",
    "http://[::1]:51004/callback",
    "com.example.app:/oauth2redirect",
    "com.example.app://callback",
    f"{URI}?{'x' * (2047 - len(URI))}",
]


@pytest.mark.parametrize("uri", GOOD_URIS)
def test_redirect_uris_that_are_taken(clients: Clients, uri: str) -> None:
    """Https, http on loopback, or a private-use scheme (RFC 8252 §7)."""
    answer = clients.register(redirect_uris=[uri])
    assert (answer.status, answer.json.get("redirect_uris")) == (201, [uri])


BAD_URIS = [
    "",
    "/callback",
    "//app.test/callback",
    "app.test/callback",
    "https://",
    "https:///callback",
    "https:app.test",
    "http://app.test/callback",
    "http://127.0.0.1.evil.test/callback",
    "http://127.0.0.1@evil.test/callback",
    "http://localhost.evil.test/callback",
    "https://user:secret@app.test/callback",
    "https://app.test/callback#fragment",
    "https://app.test/callback#",
    "https://app.test/a b",
    "https://app.test/\r\nX: y",
    "https://app.test/\x00",
    "https://app.test\\@evil.test",
    "https://app.test:99999/",
    "https://app.test;script-src/",
    "https://app.test/callback?iss=https://other.test",
    "https://app.test/callback?a=b&code",
    "https://[2001:db8::1]/callback",
    "https://-a/",
    "https://app.test,evil.test/",
    "https://*.test/",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://app.test/",
    "myapp://callback",
    f"{URI}?{'x' * (2048 - len(URI))}",
    5,
    None,
    ["https://app.test"],
]


@pytest.mark.parametrize("uri", BAD_URIS)
def test_redirect_uris_that_are_refused(clients: Clients, uri: Any) -> None:
    """Anything else, and any fragment, is 422; there is no client then."""
    before = stored()
    assert (clients.register(redirect_uris=[uri]).status, stored()) == (422, before)


BAD_CLIENTS: list[dict[str, Any]] = [
    {"default_scopes": ["users:destroy"]},
    {"default_scopes": ["users:read", ""]},
    {"default_scopes": ["USERS:READ"]},
    {"default_scopes": "users:read"},
    {"default_scopes": [5]},
    {"grant_types": ["implicit"]},
    {"grant_types": ["client_credentials"], "client_type": "public"},
    {"client_type": "public"},
    {"grant_types": ["authorization_code"]},
    {"client_type": "secret"},
    {"client_type": None},
    {"redirect_uris": URI},
    {"redirect_uris": {"0": URI}},
    {"user_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
    {"client_id": "mine"},
    {"client_secret": "mine"},
    {"secret_hash": "x"},
    {"version": 7},
]


@pytest.mark.parametrize("fields", BAD_CLIENTS, ids=str)
def test_clients_that_are_refused(clients: Clients, fields: dict[str, Any]) -> None:
    """Behaviour 39: unknown scopes, grants and fields, and what a public client can't use."""
    before = stored()
    assert (clients.register(**fields).status, stored()) == (422, before)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"client_type": "public", "grant_types": ["client_credentials"]}, "/grant_types"),
        ({"grant_types": ["authorization_code"]}, "/redirect_uris"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "/redirect_uris/0"),
    ],
)
def test_a_refusal_names_the_field(clients: Clients, fields: dict[str, Any], pointer: str) -> None:
    """The field that has to change, in a sentence."""
    [error] = clients.register(**fields).json["errors"]
    assert (error["pointer"], error["detail"][-1]) == (pointer, ".")
