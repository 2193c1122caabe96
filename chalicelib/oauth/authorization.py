"""What a client asks of the authorization endpoint (RFC 6749 §4.1.1, RFC 7636 §4.3), checked."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.oauth.clients import granted_scopes
from chalicelib.oauth.errors import (
    BadAuthorizationRequestError,
    InvalidRequestError,
    InvalidScopeError,
    OAuthError,
    RequestNotSupportedError,
    RequestUriNotSupportedError,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)
from chalicelib.oauth.grants.names import AUTHORIZATION_CODE
from chalicelib.oauth.models import OAuth2Client
from chalicelib.oauth.schemas import LOOPBACK
from chalicelib.oauth.standing import allowed_scopes, is_in_force, owner_of
from chalicelib.telemetry.measure import note
from chalicelib.web.operation import Call

CHALLENGE = re.compile(r"[\w-]{43}", re.ASCII)  # SHA-256 in base64url (RFC 7636 §4.2)
CHALLENGE_METHOD = "S256"
# A name that one site has. Addresses, in whatever form, and loopback names may be anybody's on the device.
DOMAIN = re.compile(r"(?!.*\.localhost$)[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*", re.ASCII)
MAX_VALUE = 2048  # characters
NAMES = (
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
)


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request for a code that may be put before a person.

    :param names_redirect_uri: the request named the redirect URI, else it is the client's only one.
    :param issuer: public base URL of the stage (RFC 9207).
    """

    client: OAuth2Client
    redirect_uri: str
    names_redirect_uri: bool
    state: str | None
    issuer: str
    scopes: frozenset[str] = frozenset()
    code_challenge: str = ""

    @property
    def scope(self) -> str:
        """The scopes as one text."""
        return " ".join(sorted(self.scopes))

    @property
    def destination(self) -> str | None:
        """The origin that receives the code; None where any app on the device may (RFC 8252 §8.6)."""
        parts = urlsplit(self.redirect_uri)
        if parts.scheme != "https" or not DOMAIN.fullmatch(parts.hostname or ""):
            return None
        return f"https://{parts.netloc.lower().removesuffix(':443')}"

    def answer(self, **parameters: str) -> str:
        """Return the address that brings an answer to the client (RFC 6749 §4.1.2, RFC 9207 §2)."""
        state = {} if self.state is None else {"state": self.state}
        query = urlencode({**parameters, **state, "iss": self.issuer})
        return f"{self.redirect_uri}{'&' if urlsplit(self.redirect_uri).query else '?'}{query}"

    def refusal(self, error: OAuthError) -> str:
        """Return the address that brings an error to the client (RFC 6749 §4.1.2.1)."""
        return self.answer(error=error.code, error_description=error.detail)


class RefusedRequestError(BadAuthorizationRequestError):
    """Raised when something is wrong with a request whose client and redirect URI are certain.

    A page says so, with a link to the client: anybody may register a client, so nobody is sent to one
    automatically before they have signed in (RFC 9700 §4.11.2).

    :param asked: the request, as far as it was understood.
    :param error: what is wrong with it.
    """

    def __init__(self, asked: AuthorizationRequest, error: OAuthError) -> None:
        super().__init__(error.detail)
        self.asked = asked
        self.error = error

    @property
    def code_name(self) -> str:
        """The name by which logs tell it."""
        return self.error.code_name


def client_key(call: Call) -> Key | None:
    """Key of the client that a request names, if it can be one."""
    client_id = (call.request.query.get("client_id") or [""])[0]
    return keys.client(client_id) if keys.CLIENT_ID.fullmatch(client_id) else None


def read_authorization_request(call: Call) -> AuthorizationRequest:
    """Check the query of a request whose client, if there is such, was read; its owner is read here.

    :raises BadAuthorizationRequestError: client or redirect URI are wrong, or the client may not be used.
    :raises RefusedRequestError: anything else is wrong, so that the client may be told of it.
    """
    key = client_key(call)
    client = call.items.get(key) if key else None
    if not isinstance(client, OAuth2Client) or len(call.request.query["client_id"]) > 1:
        raise BadAuthorizationRequestError(
            "The app that sent you here is not registered. Go back and try again."
        )
    note(client_id=client.client_id)
    owner = owner_of(call, client)
    if not is_in_force(client, owner):
        raise BadAuthorizationRequestError(
            "You cannot sign in to the app that sent you here: it is suspended."
        )
    given = call.request.query.get("redirect_uri", [])
    uri = _redirect_uri(client, [value for value in given if value])
    states = call.request.query.get("state", [])
    state = states[0] if len(states) == 1 else None
    draft = AuthorizationRequest(client, uri, any(given), state, call.request.base_url)
    try:
        return _complete(draft, _single_values(call), allowed_scopes(client, owner))
    except OAuthError as error:
        raise RefusedRequestError(draft, error) from error


def _redirect_uri(client: OAuth2Client, given: list[str]) -> str:
    registered = [str(uri) for uri in client.redirect_uris]
    if not given and len(registered) == 1:
        return registered[0]
    if len(given) == 1 and any(_is_same_uri(given[0], uri) for uri in registered):
        return given[0]
    raise BadAuthorizationRequestError(
        "The app that sent you here did not name one of its registered addresses to return to."
    )


def _is_same_uri(given: str, registered: str) -> bool:
    """Compare exactly; the port of a loopback address is the application's choice (RFC 8252 §7.3)."""
    if given == registered:
        return True
    # urlsplit normalizes what is not ASCII, in quadratic time; no registered URI has such characters.
    if not given.isascii() or len(given) > MAX_VALUE:
        return False
    return given.startswith("http:") and _without_port(given) == _without_port(registered) is not None


def _without_port(uri: str) -> str | None:
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme != "http" or host not in LOOPBACK or parts.username is not None:
        return None
    suffix = "" if port is None else f":{port}"
    if not parts.netloc.endswith(suffix):
        return None
    return uri.replace(parts.netloc, parts.netloc.removesuffix(suffix), 1)


def _single_values(call: Call) -> dict[str, str]:
    """Take one value of each parameter; empty ones count as omitted (RFC 6749 §3.1).

    :raises InvalidRequestError: one is given twice, or too long.
    """
    found = {name: call.request.query.get(name, []) for name in NAMES}
    if any(len(values) > 1 for values in found.values()):
        raise InvalidRequestError("A parameter is given twice.")
    if any(len(value) > MAX_VALUE for values in found.values() for value in values):
        raise InvalidRequestError(f"A parameter has more than {MAX_VALUE} characters.")
    return {name: values[0] for name, values in found.items() if values and values[0]}


def _complete(
    draft: AuthorizationRequest, values: dict[str, str], allowed: frozenset[str]
) -> AuthorizationRequest:
    _check_kind(draft.client, values)
    challenge, method = values.get("code_challenge", ""), values.get("code_challenge_method")
    if not CHALLENGE.fullmatch(challenge) or method != CHALLENGE_METHOD:
        raise InvalidRequestError("Send a code_challenge with code_challenge_method=S256 (RFC 7636).")
    scopes = granted_scopes(allowed, values.get("scope"))
    if not scopes:
        raise InvalidScopeError
    return AuthorizationRequest(
        draft.client,
        draft.redirect_uri,
        draft.names_redirect_uri,
        draft.state,
        draft.issuer,
        scopes,
        challenge,
    )


def _check_kind(client: OAuth2Client, values: dict[str, str]) -> None:
    if "request" in values:
        raise RequestNotSupportedError
    if "request_uri" in values:
        raise RequestUriNotSupportedError
    if "response_type" not in values:
        raise InvalidRequestError("response_type is needed.")
    if values["response_type"] != "code":
        raise UnsupportedResponseTypeError
    if values.get("response_mode", "query") != "query":
        raise InvalidRequestError("Only response_mode=query is supported.")
    if AUTHORIZATION_CODE not in client.grant_types:
        raise UnauthorizedClientError
