"""Public OAuth client libraries against `make run`: what they do by default has to work."""

import base64
import time
from typing import Any

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as RequestsSession

from tests.e2e.stack import Stack

USER = {"username": "user", "password": "w"}
SECRET = "development-secret"
SCOPES = "teams:read users:read"


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the libraries talk to a loopback address without TLS."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


class Authlib:
    """Drives Authlib."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.token_url = f"{stack.url}/auth/oauth2/token"

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
            f"{self.stack.url}/auth/oauth2/revoke", token=session.token[name], token_type_hint=name
        ).status_code
        return status


class RequestsOAuthlib:
    """Drives requests-oauthlib."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.token_url = f"{stack.url}/auth/oauth2/token"

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
            f"{self.stack.url}/auth/oauth2/revoke", session.token[name], name, client_id="documentation"
        )
        status: int = session.post(url, headers=headers, data=body, withhold_token=True).status_code
        return status


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
    """ACCEPTANCE 4: a library signs a user in, gets what it asked for, and calls with it."""
    session = library.by_password()
    scope = session.token["scope"]  # a list with requests-oauthlib
    assert (scope.split() if isinstance(scope, str) else scope) == SCOPES.split()
    assert {"refresh_token", "expires_in", "expires_at", "token_type"} <= session.token.keys()
    assert me(stack, session).json()["username"] == "user"
    assert session.get(f"{stack.url}/api/v1/auth/oauth2_clients").status_code == 403


def test_wrong_password(library: Library) -> None:
    """ACCEPTANCE 7: a library understands the refusal as invalid_grant."""
    with pytest.raises((OAuthError, InvalidGrantError)) as caught:
        library.by_password(username="nobody")
    assert caught.value.error == "invalid_grant"


@pytest.mark.parametrize("method", ["basic", "post"])
def test_client_credentials(method: str, library: Library, stack: Stack) -> None:
    """ACCEPTANCE 6: by Basic or in the form, a service gets a token without a refresh token."""
    session = library.by_client(method)
    assert "refresh_token" not in session.token
    assert me(stack, session).json()["username"] == "root"


@pytest.mark.parametrize("method", ["basic", "post"])
def test_wrong_client_secret(method: str, library: Library) -> None:
    """ACCEPTANCE 8: a library understands the refusal as invalid_client."""
    with pytest.raises((OAuthError, InvalidClientError)) as caught:
        library.by_client(method, "a guess")
    assert caught.value.error == "invalid_client"


def test_refresh(library: Library, stack: Stack) -> None:
    """ACCEPTANCE 20: a library refreshes, keeps the new refresh token, and can refresh again."""
    session = library.by_password()
    seen = [session.token["refresh_token"]]
    for _ in range(2):
        library.refresh(session)
        seen.append(session.token["refresh_token"])
    assert len(set(seen)) == 3
    assert me(stack, session).status_code == 200


def test_automatic_refresh(library: Library, stack: Stack) -> None:
    """ACCEPTANCE 20: a token that has expired by the library's clock is refreshed before the call."""
    first = dict(library.by_password().token)
    updates: list[dict[str, Any]] = []
    expired = {**first, "expires_at": int(time.time()) - 10, "expires_in": -10}
    session = library.refreshing(expired, updates)
    assert me(stack, session).json()["username"] == "user"
    assert [fresh["refresh_token"] != first["refresh_token"] for fresh in updates] == [True]
    assert session.token["access_token"] != first["access_token"]


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_revocation(name: str, library: Library, stack: Stack) -> None:
    """ACCEPTANCE 26, 29: after a library revoked a token, calls with that sign-in are refused."""
    session = library.by_password()
    assert library.revoke(session, name) == 200
    refused = me(stack, session)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_reuse_kills_the_family(library: Library, stack: Stack) -> None:
    """ACCEPTANCE 21: a refresh token that a library uses twice ends the whole sign-in."""
    session = library.by_password()
    thief = library.refreshing(dict(session.token), [])
    library.refresh(session)
    with pytest.raises((OAuthError, InvalidGrantError)):
        library.refresh(thief)
    assert me(stack, session).status_code == 401


def test_a_secret_with_reserved_characters_works_by_basic(library: Library, stack: Stack) -> None:
    """ACCEPTANCE 10: a secret of our own making needs no care with encodings."""
    token = stack.token("root", "q").json["access_token"]
    client = stack.api("POST", "/api/v1/auth/oauth2_clients", token=token, data={}).json
    pair = f"{client['client_id']}:{client['client_secret']}"
    header = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    form = {"grant_type": "client_credentials"}
    assert stack.api("POST", "/auth/oauth2/token", form=form, headers=header).status == 200
