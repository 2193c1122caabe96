"""How an access token is presented, and how soon changes of its user take effect."""

import base64
import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

import app as application
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.acting import change_user
from tests.api.forgery import Forge, b64, foreign_key
from tests.api.oauth_tools import me
from tests.http import FORM, Client

ME = "/api/v1/users/me"
INVALID = (401, 'Bearer error="invalid_token"')


@pytest.fixture
def forge(user: User, documentation: OAuth2Client) -> Forge:
    """Makes tokens of the user."""
    return Forge(application.api.keystore.keyring().current, user, documentation)


def change(user: User, **values: object) -> None:
    """Change a user as the application does."""
    change_user(user, dict(values))


@pytest.mark.parametrize("path", [ME, "/api/v1/users", "/api/v1/teams", "/api/v1/auth/oauth2_clients"])
def test_no_credentials_get_a_bare_challenge(api: Client, path: str) -> None:
    """Behaviour 17: without credentials there is no error code in the challenge."""
    answer = api("GET", path)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_token_in_header_and_body_is_refused(
    api: Client, user: User, token_for: Callable[..., str]
) -> None:
    """Behaviour 17: a token in the header and another in the form are one too many (RFC 6750 §2)."""
    token = token_for(user)
    form = {"title": "Engines", "access_token": token}
    assert api("POST", "/api/v1/teams", token=token, form=form).status == 400


def test_a_token_in_the_body_alone_is_no_credential(
    api: Client, user: User, token_for: Callable[..., str]
) -> None:
    """Behaviour 17: a token only in the form does not authenticate the caller."""
    form = {"title": "Engines", "access_token": token_for(user)}
    assert api("POST", "/api/v1/teams", form=form).status == 401


@pytest.mark.parametrize("in_header", [True, False])
def test_a_token_in_the_query_is_refused(
    api: Client, user: User, token_for: Callable[..., str], in_header: bool
) -> None:
    """Behaviour 17: a token in the URL is refused, with or without one in the header."""
    token = token_for(user)
    answer = api("GET", f"{ME}?{urlencode({'access_token': token})}", token=token if in_header else None)
    assert answer.status == 400


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_case_insensitive(
    api: Client, user: User, token_for: Callable[..., str], scheme: str
) -> None:
    """RFC 9110 §11.1: the name of the scheme has no case."""
    assert api("GET", ME, headers={"Authorization": f"{scheme} {token_for(user)}"}).status == 200


@pytest.mark.parametrize(
    "header", ["Basic eDp5", "Digest username=x", "basic", "Bearerx y", "Token x", "Negotiate"]
)
@pytest.mark.parametrize(("method", "path"), [("GET", ME), ("POST", "/api/v1/users"), ("OPTIONS", ME)])
def test_another_scheme_gets_a_bare_challenge(api: Client, method: str, path: str, header: str) -> None:
    """RFC 6750 §3.1: credentials of another scheme are not an invalid token, even where none is needed."""
    answer = api(method, path, headers={"Authorization": header})
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("header", ["", " "])
def test_an_empty_header_holds_no_credentials(api: Client, header: str) -> None:
    """It is ignored: 401 with a bare challenge, or no error where no sign-in is needed."""
    headers = {"Authorization": header}
    answer = api("GET", ME, headers=headers)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert api("POST", "/api/v1/users", data={}, headers=headers).status == 422


@pytest.mark.parametrize(
    "header", ["Bearer", "bearer ", "Bearer nonsense", "Bearer a b", "Bearer a,Basic eDp5"]
)
def test_a_bearer_token_that_is_none_is_invalid(api: Client, header: str) -> None:
    """RFC 6750 §3.1: a caller who sent a token is told that it is invalid."""
    answer = api("GET", ME, headers={"Authorization": header})
    assert (answer.status, answer.headers["www-authenticate"]) == INVALID


@pytest.mark.parametrize(
    ("scopes", "status", "challenge"),
    [
        ({"users:read"}, 200, None),
        ({"users:write", "teams:read"}, 403, 'Bearer error="insufficient_scope", scope="users:read"'),
        (set(), 403, 'Bearer error="insufficient_scope", scope="users:read"'),
    ],
)
def test_a_missing_scope_is_named(
    api: Client,
    *,
    user: User,
    token_for: Callable[..., str],
    scopes: set[str],
    status: int,
    challenge: str | None,
) -> None:
    """Behaviour 17: low scope gets 403 insufficient_scope with the scope that is needed."""
    answer = api("GET", ME, token=token_for(user, scopes))
    assert (answer.status, answer.headers.get("www-authenticate")) == (status, challenge)


def test_a_disabled_subject_is_refused_at_once(
    api: Client, user: User, token_for: Callable[..., str]
) -> None:
    """Behaviour 18: the next request of a disabled user is refused."""
    token = token_for(user)
    before = me(api, token)
    change(user, is_active=False)
    assert (before, me(api, token)) == (200, 401)


def test_a_token_stays_dead_when_its_subject_is_enabled_again(
    api: Client, user: User, token_for: Callable[..., str]
) -> None:
    """Behaviour 18: disabling ends tokens permanently."""
    token = token_for(user)
    change(user, is_active=False)
    change(user, is_active=True)
    assert me(api, token) == 401


def test_a_deleted_subject_is_refused_at_once(api: Client, user: User, token_for: Callable[..., str]) -> None:
    """Behaviour 18: the next request of a deleted user is refused."""
    token = token_for(user)
    before = me(api, token)
    user.delete()
    assert (before, me(api, token)) == (200, 401)


def test_a_deleted_client_ends_its_tokens(
    api: Client, user: User, token_for: Callable[..., str], documentation: OAuth2Client
) -> None:
    """Behaviour 18: a token is valid only while its client exists."""
    token = token_for(user)
    documentation.delete()
    assert me(api, token) == 401


def test_a_demoted_admin_is_refused_at_once(
    api: Client, admin: User, make_user: Callable[..., User], token_for: Callable[..., str]
) -> None:
    """Behaviour 18: roles are read on every request, never from the token."""
    second = make_user("second", is_admin=True)
    token = token_for(second)
    before = api("GET", "/api/v1/users", token=token).status
    change(second, is_admin=False)
    assert (before, api("GET", "/api/v1/users", token=token).status) == (200, 403)


def test_a_client_that_loses_a_scope_loses_it_at_once(
    api: Client, user: User, token_for: Callable[..., str], documentation: OAuth2Client
) -> None:
    """Behaviour 18: the client's current scopes limit those of its tokens."""
    token = token_for(user)
    documentation.update([OAuth2Client.default_scopes.set(["teams:read"])])
    assert me(api, token) == 403


@pytest.mark.parametrize("body", [b"", urlencode({"title": "Engines"}).encode()])
def test_a_bad_token_is_refused_before_the_body_is_read(api: Client, user: User, body: bytes) -> None:
    """An unauthenticated caller learns nothing about errors in the body."""
    headers = {"Content-Type": FORM, "Authorization": "Bearer nonsense"}
    assert api("POST", "/api/v1/teams", raw=body, headers=headers).status == 401


def test_a_bad_token_is_never_ignored_where_it_is_optional(api: Client) -> None:
    """On a route where the token is optional, a bad one is 401."""
    answer = api("POST", "/api/v1/users", token="a.b.c", data={})
    assert (answer.status, answer.headers["www-authenticate"]) == INVALID


def test_a_refresh_token_is_no_access_token(
    api: Client, user: User, sign_in: Callable[..., dict[str, Any]]
) -> None:
    """Behaviour 16: a refresh token gives no access to resources."""
    tokens = sign_in()
    assert [me(api, tokens[name]) for name in ("access_token", "refresh_token")] == [200, 401]


def attacker_headers(forge: Forge) -> list[dict[str, Any]]:
    """Headers that offer keys of the attacker's own."""
    numbers = foreign_key().public_key().public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    jwk = {"kty": "RSA", "e": "AQAB", "n": b64(numbers.n.to_bytes(size, "big"))}
    certificate = base64.b64encode(json.dumps(jwk).encode()).decode()
    return [
        {"jku": "https://attacker.test/keys"},
        {"jku": "http://169.254.169.254/latest/meta-data"},
        {"x5u": "https://attacker.test/certificate.pem"},
        {"x5c": [certificate]},
        {"jwk": jwk},
    ]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("kid", ["stage", "attacker"])
def test_a_key_that_the_token_brings_along_is_not_used(
    api: Client, forge: Forge, monkeypatch: pytest.MonkeyPatch, number: int, kid: str
) -> None:
    """Behaviour 13: jku, x5u and jwk are neither trusted nor fetched."""
    called: list[object] = []

    def refuse(*target: object, **_: object) -> None:
        called.append(target)
        raise OSError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    header = attacker_headers(forge)[number] | ({"kid": "attacker"} if kid == "attacker" else {})
    answer = api("GET", ME, token=forge.token(header, key=foreign_key()))
    assert ((answer.status, answer.headers["www-authenticate"]), called) == (INVALID, [])
