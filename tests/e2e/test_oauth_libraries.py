"""Public OAuth client libraries against `make run`: what they do by default has to work."""

import base64
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as RequestsSession

from tests.api.code_tools import Browser
from tests.e2e.stack import Stack

USER = {"username": "user", "password": "w"}
SECRET = "development-secret"
SCOPES = "teams:read users:read"
Browse = Callable[[str], str]


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow the libraries to use a loopback address without TLS."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def discover(stack: Stack) -> dict[str, Any]:
    """Read the metadata document: a library gets only the issuer of the server."""
    found: dict[str, Any] = requests.get(
        f"{stack.url}/.well-known/oauth-authorization-server", timeout=30
    ).json()
    assert found["issuer"] == stack.url  # RFC 8414 §3.3
    return found


class Authlib:
    """Drives Authlib."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.metadata = discover(stack)
        self.token_url = self.metadata["token_endpoint"]

    def by_password(self, **credentials: str) -> Any:
        """Sign in as a public client."""
        session = AuthlibSession("documentation", token_endpoint_auth_method="none", scope=SCOPES)
        session.fetch_token(self.token_url, grant_type="password", **{**USER, **credentials})
        return session

    def by_client(self, method: str, secret: str = SECRET) -> Any:
        """Sign in as a confidential client, with its secret in the header or in the form."""
        session = AuthlibSession("service", secret, token_endpoint_auth_method=f"client_secret_{method}")
        session.fetch_token(self.token_url, grant_type="client_credentials")
        return session

    def refreshing(self, token: dict[str, Any], updates: list[dict[str, Any]]) -> Any:
        """Make a session that refreshes an expired token by itself."""
        return AuthlibSession(
            "documentation",
            token_endpoint=self.token_url,
            token_endpoint_auth_method="none",
            token=token,
            update_token=lambda fresh, **_: updates.append(fresh),
        )

    def refresh(self, session: Any) -> None:
        """Refresh at once."""
        session.refresh_token(self.token_url)

    def revoke(self, session: Any, name: str) -> int:
        """Revoke a token of a session."""
        status: int = session.revoke_token(
            self.metadata["revocation_endpoint"], token=session.token[name], token_type_hint=name
        ).status_code
        return status

    def by_code(self, browse: Browse) -> Any:
        """Sign a user in with code and PKCE."""
        session = AuthlibSession(
            "documentation",
            token_endpoint_auth_method="none",
            scope=SCOPES,
            redirect_uri=f"{self.stack.url}/api/v1/oauth2-redirect",
            code_challenge_method="S256",
        )
        verifier = secrets.token_urlsafe(48)
        url, state = session.create_authorization_url(
            self.metadata["authorization_endpoint"], code_verifier=verifier
        )
        session.fetch_token(
            self.token_url, authorization_response=browse(url), state=state, code_verifier=verifier
        )
        return session

    def introspect(self, session: Any, token: str) -> Any:
        """Introspect a token."""
        return session.introspect_token(self.metadata["introspection_endpoint"], token=token).json()


class RequestsOAuthlib:
    """Drives requests-oauthlib."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.metadata = discover(stack)
        self.token_url = self.metadata["token_endpoint"]

    def by_password(self, **credentials: str) -> Any:
        """Sign in as a public client."""
        session = RequestsSession(client=LegacyApplicationClient("documentation", scope=SCOPES))
        session.fetch_token(self.token_url, include_client_id=True, **{**USER, **credentials})
        return session

    def by_client(self, method: str, secret: str = SECRET) -> Any:
        """Sign in as a confidential client, with its secret in the header or in the form."""
        session = RequestsSession(client=BackendApplicationClient("service"))
        if method == "basic":
            session.fetch_token(self.token_url, auth=HTTPBasicAuth("service", secret))
        else:
            session.fetch_token(self.token_url, client_secret=secret, include_client_id=True)
        return session

    def refreshing(self, token: dict[str, Any], updates: list[dict[str, Any]]) -> Any:
        """Make a session that refreshes an expired token by itself."""
        return RequestsSession(
            "documentation",
            token=token,
            auto_refresh_url=self.token_url,
            auto_refresh_kwargs={"client_id": "documentation"},
            token_updater=updates.append,
        )

    def refresh(self, session: Any) -> None:
        """Refresh at once."""
        session.refresh_token(self.token_url, client_id="documentation")

    def revoke(self, session: Any, name: str) -> int:
        """Revoke a token of a session: prepared by the library, which has no call for it."""
        url, headers, body = session._client.prepare_token_revocation_request(
            self.metadata["revocation_endpoint"], session.token[name], name, client_id="documentation"
        )
        status: int = session.post(url, headers=headers, data=body, withhold_token=True).status_code
        return status

    def by_code(self, browse: Browse) -> Any:
        """Sign a user in with code and PKCE."""
        uri = f"{self.stack.url}/api/v1/oauth2-redirect"
        session = RequestsSession("documentation", redirect_uri=uri, scope=SCOPES, pkce="S256")
        url, _ = session.authorization_url(self.metadata["authorization_endpoint"])
        session.fetch_token(self.token_url, authorization_response=browse(url), include_client_id=True)
        return session

    def introspect(self, session: Any, token: str) -> Any:
        """Introspect a token by hand: the library has no call for it."""
        auth = HTTPBasicAuth("service", SECRET)
        url = self.metadata["introspection_endpoint"]
        return session.post(url, data={"token": token}, auth=auth, withhold_token=True).json()


Library = Authlib | RequestsOAuthlib


@pytest.fixture(params=[Authlib, RequestsOAuthlib], ids=["Authlib", "requests-oauthlib"])
def library(request: pytest.FixtureRequest, stack: Stack) -> Library:
    """One library after the other."""
    made: Library = request.param(stack)
    return made


def me(stack: Stack, session: Any) -> Any:
    """Ask who the token is for."""
    return session.get(f"{stack.url}/api/v1/users/me")


def test_password_grant(library: Library, stack: Stack) -> None:
    """Behaviour 4: a library signs a user in, gets what it asked for, and calls with it."""
    session = library.by_password()
    scope = session.token["scope"]  # a list with requests-oauthlib
    assert (scope.split() if isinstance(scope, str) else scope) == SCOPES.split()
    assert {"refresh_token", "expires_in", "expires_at", "token_type"} <= session.token.keys()
    assert me(stack, session).json()["username"] == "user"
    assert session.get(f"{stack.url}/api/v1/auth/oauth2_clients").status_code == 403


@pytest.fixture
def browse(stack: Stack) -> Browse:
    """A person who follows a link, signs in, agrees, and comes back to the address of a redirect."""

    def follow(url: str) -> str:
        assert url.startswith(f"{stack.url}/auth/oauth2/authorize?")
        browser = Browser(stack.api)
        browser.open(**parse_qs(urlsplit(url).query))
        answer = browser.submit("sign_in", **USER)
        answer = browser.submit("allow") if answer.status == 200 else answer
        return answer.headers["location"]

    return follow


def test_authorization_code(library: Library, stack: Stack, browse: Browse) -> None:
    """Behaviour 32, 34: a library that knows only the metadata signs a user in with code and PKCE."""
    session = library.by_code(browse)
    assert me(stack, session).json()["username"] == "user"
    library.refresh(session)
    assert me(stack, session).status_code == 200


def test_introspection(library: Library) -> None:
    """Behaviour 31: a library introspects its token, before and after it is revoked."""
    session = library.by_client("basic")
    token = session.token["access_token"]
    assert library.introspect(session, token)["active"] is True
    assert library.introspect(session, "no token") == {"active": False}


def test_wrong_password(library: Library) -> None:
    """Behaviour 7: a library understands the refusal as invalid_grant."""
    with pytest.raises((OAuthError, InvalidGrantError)) as caught:
        library.by_password(username="nobody")
    assert caught.value.error == "invalid_grant"


@pytest.mark.parametrize("method", ["basic", "post"])
def test_client_credentials(method: str, library: Library, stack: Stack) -> None:
    """Behaviour 6: by Basic or in the form, a service gets a token without a refresh token."""
    session = library.by_client(method)
    assert "refresh_token" not in session.token
    assert me(stack, session).json()["username"] == "root"


@pytest.mark.parametrize("method", ["basic", "post"])
def test_wrong_client_secret(method: str, library: Library) -> None:
    """Behaviour 8: a library understands the refusal as invalid_client."""
    with pytest.raises((OAuthError, InvalidClientError)) as caught:
        library.by_client(method, "a guess")
    assert caught.value.error == "invalid_client"


def test_refresh(library: Library, stack: Stack) -> None:
    """Behaviour 20: a library refreshes, keeps the new refresh token, and can refresh again."""
    session = library.by_password()
    seen = [session.token["refresh_token"]]
    for _ in range(2):
        library.refresh(session)
        seen.append(session.token["refresh_token"])
    assert len(set(seen)) == 3
    assert me(stack, session).status_code == 200


def test_automatic_refresh(library: Library, stack: Stack) -> None:
    """Behaviour 20: a token that has expired by the library's clock is refreshed before the call."""
    first = dict(library.by_password().token)
    updates: list[dict[str, Any]] = []
    expired = {**first, "expires_at": int(time.time()) - 10, "expires_in": -10}
    session = library.refreshing(expired, updates)
    assert me(stack, session).json()["username"] == "user"
    assert [fresh["refresh_token"] != first["refresh_token"] for fresh in updates] == [True]
    assert session.token["access_token"] != first["access_token"]


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_revocation(name: str, library: Library, stack: Stack) -> None:
    """Behaviour 26, 29: after a library revoked a token, calls with that sign-in are refused."""
    session = library.by_password()
    assert library.revoke(session, name) == 200
    refused = me(stack, session)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["X-Amzn-Remapped-WWW-Authenticate"]


def test_reuse_kills_the_family(library: Library, stack: Stack) -> None:
    """Behaviour 21: a refresh token whose successor a library has used ends the whole sign-in."""
    session = library.by_password()
    thief = library.refreshing(dict(session.token), [])
    library.refresh(session)
    library.refresh(session)
    with pytest.raises((OAuthError, InvalidGrantError)):
        library.refresh(thief)
    assert me(stack, session).status_code == 401


def test_a_secret_with_reserved_characters_works_by_basic(library: Library, stack: Stack) -> None:
    """Behaviour 10: a secret of our own making needs no care with encodings."""
    token = stack.token("root", "q").json["access_token"]
    fields = {"default_scopes": ["users:read"]}
    client = stack.api("POST", "/api/v1/auth/oauth2_clients", token=token, data=fields).json
    pair = f"{client['client_id']}:{client['client_secret']}"
    header = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    form = {"grant_type": "client_credentials"}
    assert stack.api("POST", "/auth/oauth2/token", form=form, headers=header).status == 200
