"""OAuth2 around the generated client: sign in, keep the token fresh, sign out.

`OAuth2Client` is an `ApiClient`, so every generated API takes it:

    client = OAuth2Client(Configuration(host="https://api.example.org"), client_id="documentation")
    client.sign_in("ada", "analytical engine")
    print(TeamsApi(client).list_teams())
    client.sign_out()
"""

import base64
import hashlib
import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import urllib3

from .api_client import ApiClient
from .configuration import Configuration
from .exceptions import OpenApiException
from .rest import RESTResponse

SCHEME = "oauth2"  # what the OpenAPI document calls it
AUTHORIZE_PATH = "/auth/oauth2/authorize"
TOKEN_PATH = "/auth/oauth2/token"  # noqa: S105 - a path, no password
REVOKE_PATH = "/auth/oauth2/revoke"
# Codes work once: only requests that surely did not arrive are repeated automatically.
RETRIES = urllib3.Retry(total=None, connect=2, read=0, redirect=0, status=0, other=0)
# A POST carries a key by which the API knows it again: it may be sent again when its answer is lost.
IDEMPOTENCY_KEY = "Idempotency-Key"
WAITS = (0.2, 1.0)  # seconds before each repetition
MAX_WAIT = 10.0  # seconds: what Retry-After may ask for
PASSING = (502, 503, 504)
# A request that was on its way while the token was renewed carries an earlier one.
REMEMBERED = 4


class TokenStore(Protocol):
    """Keeps the refresh token, which is as good as a password, where only its user can read it."""

    def load(self) -> str | None:
        """Return the refresh token that was saved last; None if there is none."""
        ...

    def save(self, refresh_token: str | None) -> None:
        """Save a refresh token; None removes it."""
        ...


class MemoryStore:
    """Keeps the refresh token as long as the process lives."""

    def __init__(self) -> None:
        self._refresh_token: str | None = None

    def load(self) -> str | None:
        """Return the refresh token that was saved last; None if there is none."""
        return self._refresh_token

    def save(self, refresh_token: str | None) -> None:
        """Keep a refresh token."""
        self._refresh_token = refresh_token


class OAuth2Error(OpenApiException):
    """The server refused to give or to revoke tokens (RFC 6749 §5.2).

    :ivar status: the HTTP status; 303 if it came by a redirect.
    :ivar error: such as invalid_grant: wrong password, or this sign-in has ended; sign in again.
    :ivar description: in words, for developers.
    """

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.error = error
        self.description = description


@dataclass(frozen=True, repr=False)  # a repr would show the verifier
class PendingSignIn:
    """The state of a browser sign-in; keep it, for this user only, until the browser comes back."""

    redirect_uri: str
    state: str
    verifier: str


@dataclass(frozen=True, repr=False)  # a repr would show the token
class _Access:
    token: str
    renew_at: float


class OAuth2Client(ApiClient):
    """A client of the API that sends an access token where one is needed, and renews it.

    Threads may share it: one of them refreshes while the others wait for what it gets. If the answer to that
    is lost, the next call asks again; within 30 seconds the server gives the same tokens.

    :param configuration: names the server.
    :param client_id: the OAuth2 client.
    :param client_secret: of a confidential client.
    :param scopes: what to ask for; by default all that the client has.
    :param store: where the refresh token is kept; share one among processes only with a lock.
    :param lock: held while tokens change; such as a file lock, where processes share a store.
    :param leeway: seconds before its end at which a token is renewed.
    :param timeout: seconds that the server may take to give a token.
    :param clock: returns seconds that never go back, such as time.monotonic.
    """

    def __init__(
        self,
        configuration: Configuration,
        client_id: str,
        client_secret: str = "",
        *,
        scopes: Iterable[str] = (),
        store: TokenStore | None = None,
        lock: AbstractContextManager[Any] | None = None,
        leeway: float = 30.0,
        timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(configuration)
        self._client_id = client_id
        self._client_secret = client_secret
        self._scope = " ".join(scopes)
        self._store = store or MemoryStore()
        self._threads = threading.Lock()
        self._processes = lock or nullcontext()
        self._leeway = leeway
        self._timeout = timeout
        self._clock = clock
        self._access: _Access | None = None
        self._is_service = False
        self._given: tuple[str, ...] = ()

    def sign_in(self, username: str, password: str) -> None:
        """Sign a user in (password grant).

        :raises OAuth2Error: invalid_grant: the user or the password is wrong.
        """
        form = {"grant_type": "password", "username": username, "password": password}
        self._begin(self._with_scope(form))

    def sign_in_as_client(self) -> None:
        """Act for the owner of the client, as services do (client credentials grant).

        :raises OAuth2Error: invalid_client: the client or its secret is wrong.
        """
        self._begin(self._with_scope({"grant_type": "client_credentials"}))

    def authorization_url(self, redirect_uri: str) -> tuple[str, PendingSignIn]:
        """Begin a sign-in in the browser (authorization code grant with PKCE).

        :param redirect_uri: one of the client's.
        :returns: where to send the browser, and what sign_in_with_code needs afterwards.
        """
        pending = PendingSignIn(redirect_uri, secrets.token_urlsafe(), secrets.token_urlsafe())
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "state": pending.state,
            "code_challenge": _challenge(pending.verifier),
            "code_challenge_method": "S256",
        }
        return f"{self.configuration.host}{AUTHORIZE_PATH}?{urlencode(self._with_scope(query))}", pending

    def sign_in_with_code(self, address: str, pending: PendingSignIn) -> None:
        """End a sign-in in the browser.

        :param address: where the browser was sent back to, with its query.
        :param pending: from authorization_url, for the same browser.
        :raises OAuth2Error: access_denied: the user said no; invalid_response: another sign-in's answer.
        """
        answer = dict(parse_qsl(urlsplit(address).query))
        known = answer.get("state", "").encode()
        # RFC 9207: the answer of another server would make us send it this one's code
        if not secrets.compare_digest(known, pending.state.encode()) or answer.get("iss") != self._issuer:
            raise OAuth2Error(303, "invalid_response", "The answer belongs to another sign-in.")
        if "code" not in answer:
            error = answer.get("error", "invalid_response")
            raise OAuth2Error(303, error, answer.get("error_description", "no explanation"))
        form = {"grant_type": "authorization_code", "code": answer["code"]}
        self._begin({**form, "redirect_uri": pending.redirect_uri, "code_verifier": pending.verifier})

    def sign_out(self) -> None:
        """End the sign-in: its refresh token and its access tokens work no more.

        :raises OAuth2Error: the server failed; nothing has changed, so try again.
        """
        with self._threads, self._processes:
            token = self._revocable()
            if token:
                self._post(REVOKE_PATH, {"token": token})
            self._forget()

    def access_token(self) -> str | None:
        """Return an access token that stays valid for a while; None if nobody is signed in.

        :raises OAuth2Error: it had to be renewed, and was not. invalid_grant: the sign-in has ended.
        """
        return self._fresh() or self._renewed()

    def update_params_for_auth(
        self, headers: Any, queries: Any, auth_settings: Any, *rest: Any, **more: Any
    ) -> None:
        """Add the access token to a request that takes one."""
        if more.get("request_auth") or SCHEME not in (auth_settings or ()):
            super().update_params_for_auth(headers, queries, auth_settings, *rest, **more)
            return
        token = self.access_token()
        if token:
            headers["Authorization"] = _bearer(token)

    def call_api(
        self, method: Any, url: Any, header_params: Any = None, *rest: Any, **more: Any
    ) -> RESTResponse:
        """Send a request; a POST of the API again with its key, as long as no answer comes.

        If its token is refused, renew that and send it once more.
        """
        headers = dict(header_params or {})
        if method != "POST" or urlsplit(url).path.endswith((TOKEN_PATH, REVOKE_PATH)):
            return self._send(method, url, headers, *rest, **more)
        headers.setdefault(IDEMPOTENCY_KEY, f'"{uuid.uuid4()}"')
        for wait in WAITS:
            try:
                answer = self._send(method, url, headers, *rest, **more)
                answer.read()  # type: ignore[no-untyped-call]  # all of it has to arrive
            except urllib3.exceptions.HTTPError:
                asked = ""
            else:
                if answer.status not in PASSING:
                    return answer
                asked = answer.headers.get("Retry-After", "")
            time.sleep(min(float(asked), MAX_WAIT) if asked.isdecimal() else wait)
        return self._send(method, url, headers, *rest, **more)

    def _send(self, method: Any, url: Any, headers: dict[str, str], *rest: Any, **more: Any) -> RESTResponse:
        answer = super().call_api(method, url, headers, *rest, **more)
        sent = next((token for token in self._given if headers.get("Authorization") == _bearer(token)), None)
        token = self._renewed(sent) if sent and answer.status == 401 else None
        if not token:
            return answer
        answer.response.drain_conn()  # gives its connection back
        return super().call_api(method, url, {**headers, "Authorization": _bearer(token)}, *rest, **more)

    @property
    def _issuer(self) -> str:
        host: str = self.configuration.host
        return host

    def _fresh(self) -> str | None:
        access = self._access
        return access.token if access and self._clock() < access.renew_at else None

    def _renewed(self, rejected: str | None = None) -> str | None:
        """Return a token other than the rejected one; None if nobody, or another user, is signed in."""
        with self._threads, self._processes:
            if rejected and rejected not in self._given:
                return None
            token = self._fresh()
            if token and token != rejected:
                return token  # another thread was faster
            form = self._renewal()
            if not form:
                return None
            try:
                return self._keep(self._post(TOKEN_PATH, form))
            except OAuth2Error as error:
                if error.error == "invalid_grant":
                    self._forget()
                raise

    def _renewal(self) -> dict[str, str] | None:
        if self._is_service:
            return self._with_scope({"grant_type": "client_credentials"})
        # read each time: another process may have used the previous one
        refresh_token = self._store.load()
        return {"grant_type": "refresh_token", "refresh_token": refresh_token} if refresh_token else None

    def _begin(self, form: dict[str, str]) -> None:
        with self._threads, self._processes:
            answer = self._post(TOKEN_PATH, form)
            self._forget()
            self._is_service = form["grant_type"] == "client_credentials"
            self._keep(answer)

    def _with_scope(self, form: dict[str, str]) -> dict[str, str]:
        return {**form, "scope": self._scope} if self._scope else form

    def _keep(self, answer: dict[str, Any]) -> str:
        # before anything else: the previous one no longer works
        if "refresh_token" in answer:
            self._store.save(answer["refresh_token"])
        token, lasts = str(answer["access_token"]), float(answer["expires_in"])
        self._given = (token, *self._given[: REMEMBERED - 1])
        self._access = _Access(token, self._clock() + lasts - min(self._leeway, lasts / 2))
        return token

    def _revocable(self) -> str | None:
        """Return the token to revoke; revoking a refresh token ends everything issued from it."""
        access = self._access.token if self._access else None
        return access if self._is_service else self._store.load() or access

    def _forget(self) -> None:
        if not self._is_service:
            self._store.save(None)
        self._access, self._is_service, self._given = None, False, ()

    def _post(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        """Ask an OAuth2 endpoint.

        :raises OAuth2Error: it refuses.
        """
        headers = {"Accept": "application/json", "User-Agent": self.user_agent}
        if self._client_secret:
            headers |= urllib3.make_headers(
                basic_auth=f"{quote(self._client_id, safe='')}:{quote(self._client_secret, safe='')}"
            )
        answer = self.rest_client.pool_manager.request(
            "POST",
            self.configuration.host + path,
            fields=form if self._client_secret else {**form, "client_id": self._client_id},
            encode_multipart=False,
            headers=headers,
            timeout=urllib3.Timeout(total=self._timeout),
            retries=RETRIES,
            redirect=False,  # the target of a redirect would get the secrets
        )
        return _parsed(answer.status, answer.data)


def _challenge(verifier: str) -> str:
    """Make the S256 challenge of a verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _bearer(token: str) -> str:
    return f"Bearer {token}"


def _parsed(status: int, data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except ValueError:  # a gateway's page, for instance
        body = None
    if status == 200 and isinstance(body, dict):
        return body
    told = body if isinstance(body, dict) else {}
    error, description = told.get("error", "server_error"), told.get("error_description", "no explanation")
    raise OAuth2Error(status, str(error), str(description))
