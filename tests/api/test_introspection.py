"""Introspection (RFC 7662): the state of a token, shown to the client that it was issued to."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from chalicelib.oauth.clients.models import CONFIDENTIAL, OAuth2Client
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.users.models import User
from tests.api.code_tools import CALLBACK, get_code, redeem
from tests.api.oauth_tools import REVOKE, error_of, families
from tests.conftest import PASSWORD, SECRET
from tests.http import Answer, Client
from tests.target import base_url

INTROSPECT = "/auth/oauth2/introspect"
TOKEN = "/auth/oauth2/token"
BASIC = ("server", SECRET)
NOTHING = b'{"active":false}'


@pytest.fixture
def server(admin: User, make_client: Callable[..., OAuth2Client]) -> OAuth2Client:
    """A confidential client with every grant."""
    grants = ["authorization_code", "client_credentials", "password", "refresh_token"]
    scopes = ["teams:read", "users:read"]
    return make_client(
        "server",
        admin,
        client_type=CONFIDENTIAL,
        grant_types=grants,
        default_scopes=scopes,
        redirect_uris=[CALLBACK],
    )


@pytest.fixture
def tokens(api: Client, server: OAuth2Client, user: User) -> dict[str, Any]:
    """What a sign-in at that client gave."""
    form = {"grant_type": "password", "username": "user", "password": PASSWORD}
    answer: dict[str, Any] = api("POST", TOKEN, form=form, basic=BASIC).json
    return answer


def ask(api: Client, token: str, basic: tuple[str, str] = BASIC, **more: str) -> Answer:
    """Ask about a token."""
    return api("POST", INTROSPECT, form={"token": token, **more}, basic=basic)


def test_an_access_token_is_described(api: Client, tokens: dict[str, Any], user: User) -> None:
    """Behaviour 31: what a resource server needs, and no more."""
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    answer = ask(api, tokens["access_token"])
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json == {
        "active": True,
        "scope": "teams:read users:read",
        "client_id": "server",
        "username": "user",
        "token_type": "Bearer",
        "exp": claims["exp"],
        "sub": user.id,
        "aud": base_url(),
        "iss": base_url(),
        "jti": claims["jti"],
    }


@pytest.mark.parametrize("ends_first", ["idle_until", "absolute_until"])
def test_a_refresh_token_is_described(
    api: Client, tokens: dict[str, Any], user: User, ends_first: str
) -> None:
    """Behaviour 25, 31: it has no token type of its own, and ends at the first of its two ends."""
    soon = int(time.time()) + 60
    [family] = families(user)
    family.update([TokenFamily.get_attributes()[ends_first].set(soon)])
    assert ask(api, tokens["refresh_token"]).json == {
        "active": True,
        "scope": "teams:read users:read",
        "client_id": "server",
        "username": "user",
        "exp": soon,
        "sub": user.id,
        "iss": base_url(),
    }


def test_a_refresh_token_is_worth_what_its_client_may_do_today(
    api: Client, tokens: dict[str, Any], server: OAuth2Client
) -> None:
    """Behaviour 5, 31: neither scopes that the client has lost since nor those that it has gained."""
    server.update([OAuth2Client.default_scopes.set(["users:read", "users:write"])])
    assert ask(api, tokens["refresh_token"]).json["scope"] == "users:read"


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "unknown"])
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_hints_are_not_needed(api: Client, tokens: dict[str, Any], kind: str, hint: str) -> None:
    """RFC 7662 §2.1: a wrong hint still works."""
    assert ask(api, tokens[kind], token_type_hint=hint).json["active"] is True


def test_a_service_s_own_token_is_described(api: Client, server: OAuth2Client) -> None:
    """Behaviour 6: its subject is the client."""
    token = api("POST", TOKEN, form={"grant_type": "client_credentials"}, basic=BASIC).json["access_token"]
    told = ask(api, token).json
    assert (told["active"], told["sub"], told["username"]) == (True, "server", "admin")


@pytest.mark.parametrize("token", ["x", "a.b.c", "0" * 26 + "." + "0" * 26 + "." + "x" * 43, "é"])
def test_garbage_is_inactive(api: Client, server: OAuth2Client, token: str) -> None:
    """Behaviour 31: exactly that and no more."""
    answer = ask(api, token)
    assert (answer.status, answer.body) == (200, NOTHING)


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("end", ["revoked", "password", "disabled", "deleted"])
def test_what_is_dead_is_inactive(
    api: Client, tokens: dict[str, Any], user: User, kind: str, end: str
) -> None:
    """Behaviour 31: revoked, or ended with the account."""
    if end == "revoked":
        api("POST", REVOKE, form={"token": tokens["refresh_token"]}, basic=BASIC)
    elif end == "deleted":
        user.delete()
    else:
        actions = {"disabled": User.is_active.set(False), "password": User.credentials_version.add(1)}
        user.update([actions[end]])
    answer = ask(api, tokens[kind])
    assert (answer.status, answer.body) == (200, NOTHING)


def test_an_expired_family_is_inactive(api: Client, tokens: dict[str, Any], user: User) -> None:
    """Behaviour 25, 31: even if TTL has not removed it yet."""
    [family] = families(user)
    family.update([TokenFamily.idle_until.set(1)])
    assert ask(api, tokens["refresh_token"]).body == NOTHING


def test_a_used_refresh_token_is_inactive(api: Client, tokens: dict[str, Any]) -> None:
    """Behaviour 20, 31: and asking about it is not using it: the family lives."""
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    fresh = api("POST", TOKEN, form=form, basic=BASIC).json
    assert ask(api, tokens["refresh_token"]).body == NOTHING
    assert ask(api, fresh["refresh_token"]).json["active"] is True


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_what_the_user_took_back_is_inactive(
    api: Client, server: OAuth2Client, user: User, token_for: Callable[..., str], kind: str
) -> None:
    """Behaviour 31: tokens of a code rest on the user's consent."""
    code = get_code(api, "user", PASSWORD, client_id="server")
    tokens = redeem(api, code, "server", client_secret=SECRET).json
    assert ask(api, tokens[kind]).json["active"] is True
    assert api("DELETE", "/api/v1/users/me/grants/server", token=token_for(user)).status == 204
    assert ask(api, tokens[kind]).body == NOTHING


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_another_client_s_token_is_inactive(
    api: Client, tokens: dict[str, Any], admin: User, make_client: Callable[..., OAuth2Client], kind: str
) -> None:
    """Behaviour 31: a foreign token is treated like an unknown one."""
    make_client("other", admin)
    assert ask(api, tokens[kind], ("other", SECRET)).body == NOTHING
    assert ask(api, tokens[kind]).json["active"] is True


def test_strangers_are_told_nothing(api: Client, tokens: dict[str, Any]) -> None:
    """Behaviour 31: unauthenticated and wrong: 401."""
    form = {"token": tokens["access_token"]}
    assert error_of(api("POST", INTROSPECT, form=form)) == (401, "invalid_client")
    assert error_of(ask(api, tokens["access_token"], ("server", "wrong"))) == (401, "invalid_client")


def test_public_clients_are_told_nothing(api: Client, documentation: OAuth2Client) -> None:
    """Anybody could call as a public client, and fish for tokens."""
    form = {"token": "x", "client_id": "documentation"}
    assert error_of(api("POST", INTROSPECT, form=form)) == (401, "invalid_client")


def test_a_token_is_needed(api: Client, server: OAuth2Client) -> None:
    """RFC 7662 §2.1."""
    assert error_of(api("POST", INTROSPECT, form={}, basic=BASIC)) == (400, "invalid_request")


def test_an_access_token_s_worth_takes_one_round_trip(
    api: Client, tokens: dict[str, Any], round_trips: list[str]
) -> None:
    """Client, account, family and denylist are read at once."""
    round_trips.clear()
    assert ask(api, tokens["access_token"]).json["active"] is True
    assert round_trips == ["BatchGetItem"]
