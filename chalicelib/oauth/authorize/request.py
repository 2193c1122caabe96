"""What goes into the authorization endpoint (RFC 6749 §4.1.1, RFC 7636 §4.3), and how it is checked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from marshmallow import Schema, fields, validate

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import MAX_EMAIL, Key
from chalicelib.oauth.authorize.models import AuthorizationRequest
from chalicelib.oauth.clients.models import AUTHORIZATION_CODE, OAuth2Client
from chalicelib.oauth.clients.standing import allowed_scopes, find_owner, granted_scopes
from chalicelib.oauth.errors import (
    BadAuthorizationRequestError,
    InvalidRequestError,
    OAuthError,
    RequestNotSupportedError,
    RequestUriNotSupportedError,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)
from chalicelib.oauth.form import URI, secret
from chalicelib.oauth.redirect_uris import is_same_uri
from chalicelib.scopes import NQSCHAR
from chalicelib.telemetry.measure import note
from chalicelib.users.schemas import WHOSE
from chalicelib.web.body import schema_of
from chalicelib.web.fields import IDS, pattern_metadata, text_metadata
from chalicelib.web.form import MAX_VALUE, FormSchema

BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
CHALLENGE = re.compile(r"[\w-]{43}", re.ASCII)  # SHA-256 in base64url (RFC 7636 §4.2)
CHALLENGE_METHOD = "S256"
MAX_PARAMETER = 2048  # characters
UNSUPPORTED = {"request": RequestNotSupportedError, "request_uri": RequestUriNotSupportedError}
Query = Mapping[str, Sequence[str]]


class AuthorizationQuery(Schema):
    """What a client asks of a person (RFC 6749 §4.1.1, RFC 7636 §4.3)."""

    response_type = fields.String(validate=validate.OneOf(("code",)), metadata={"example": "code"})
    response_mode = fields.String(
        validate=validate.OneOf(("query",)), metadata={"description": "By default query.", "example": "query"}
    )
    client_id = fields.String(metadata={**IDS["client_id"], "example": "documentation"})
    redirect_uri = fields.String(
        metadata={**URI, "description": "Exactly one of the client's; may be left out if it has but one."}
    )
    scope = fields.String(
        metadata=pattern_metadata(NQSCHAR, MAX_PARAMETER, description="By default all that the client has.")
    )
    state = fields.String(metadata={"maxLength": MAX_PARAMETER, "description": "Comes back as it is."})
    code_challenge = fields.String(
        metadata=pattern_metadata(CHALLENGE, 43, description="SHA-256 of the code_verifier, in base64url.")
    )
    code_challenge_method = fields.String(validate=validate.OneOf(("S256",)), metadata={"example": "S256"})


class AuthorizationFormSchema(FormSchema):
    """What the pages of the authorization endpoint send."""

    ticket = fields.String(
        metadata=pattern_metadata(
            BASE64URL, MAX_VALUE, description="Ties the form to browser and request.", example="c2VhbGVk"
        )
    )
    username = fields.String(metadata=text_metadata(MAX_EMAIL, description=WHOSE, example="ada"))
    password = fields.String(metadata=secret("Theirs."))
    decision = fields.String(metadata={"enum": ["sign_in", "allow"], "example": "sign_in"})


class RefusedRequestError(BadAuthorizationRequestError):
    """Raised when something is wrong with a request whose client and redirect URI are certain.

    A page says so, with a link to the client: anybody may register a client, so nobody is sent to one
    automatically before they have signed in (RFC 9700 §4.11.2).

    :param asked: the request, as far as it was understood.
    """

    def __init__(self, asked: AuthorizationRequest, error: OAuthError) -> None:
        super().__init__(error.detail)
        self.asked = asked
        self.error = error

    @property
    def code_name(self) -> str:
        """The name by which logs tell it."""
        return self.error.code_name


def client_key(query: Query) -> Key | None:
    """Return the key of the client that a request names, if it can be one."""
    client_id = (query.get("client_id") or [""])[0]
    return keys.client(client_id) if keys.CLIENT_ID.fullmatch(client_id) else None


def read_authorization_request(context: Context, issuer: str, query: Query) -> AuthorizationRequest:
    """Check the query of a request whose client, if there is such, was read; its owner is read here.

    :raises BadAuthorizationRequestError: client or redirect URI are wrong, or the client may not be used.
    :raises RefusedRequestError: anything else is wrong, so that the client may be told of it.
    """
    client = context.find(OAuth2Client, client_key(query))
    if client is None or len(query["client_id"]) > 1:
        raise BadAuthorizationRequestError(
            "The app that sent you here is not registered. Go back and try again."
        )
    note(client_id=client.client_id)
    owner = find_owner(context, client)
    if owner is None:
        raise BadAuthorizationRequestError(
            "You cannot sign in to the app that sent you here: it is suspended."
        )
    given = query.get("redirect_uri", [])
    uri = _redirect_uri(client, [value for value in given if value])
    states = query.get("state", [])
    state = states[0] if len(states) == 1 else None
    draft = AuthorizationRequest(client, uri, any(given), state, issuer)
    try:
        return _complete(draft, _single_values(query), allowed_scopes(client, owner))
    except OAuthError as error:
        raise RefusedRequestError(draft, error) from error


def _redirect_uri(client: OAuth2Client, given: list[str]) -> str:
    registered = [str(uri) for uri in client.redirect_uris]
    if not given and len(registered) == 1:
        return registered[0]
    if len(given) == 1 and any(is_same_uri(given[0], uri) for uri in registered):
        return given[0]
    raise BadAuthorizationRequestError(
        "The app that sent you here did not name one of its registered addresses to return to."
    )


def _single_values(query: Query) -> dict[str, str]:
    """Return one value of each parameter; empty ones count as omitted (RFC 6749 §3.1)."""
    names = [*schema_of(AuthorizationQuery).fields, *UNSUPPORTED]
    found = {name: query.get(name, []) for name in names}
    if any(len(values) > 1 for values in found.values()):
        raise InvalidRequestError("A parameter is given twice.")
    if any(len(value) > MAX_PARAMETER for values in found.values() for value in values):
        raise InvalidRequestError(f"A parameter has more than {MAX_PARAMETER} characters.")
    return {name: values[0] for name, values in found.items() if values and values[0]}


def _complete(
    draft: AuthorizationRequest, values: dict[str, str], allowed: frozenset[str]
) -> AuthorizationRequest:
    _check_kind(draft.client, values)
    challenge, method = values.get("code_challenge", ""), values.get("code_challenge_method")
    if not CHALLENGE.fullmatch(challenge) or method != CHALLENGE_METHOD:
        raise InvalidRequestError("Send a code_challenge with code_challenge_method=S256 (RFC 7636).")
    scopes = granted_scopes(allowed, values.get("scope"))
    return replace(draft, scopes=scopes, code_challenge=challenge)


def _check_kind(client: OAuth2Client, values: dict[str, str]) -> None:
    for name, error in UNSUPPORTED.items():
        if name in values:
            raise error
    if "response_type" not in values:
        raise InvalidRequestError("response_type is needed.")
    if values["response_type"] != "code":
        raise UnsupportedResponseTypeError
    if values.get("response_mode", "query") != "query":
        raise InvalidRequestError("Only response_mode=query is supported.")
    if AUTHORIZATION_CODE not in client.grant_types:
        raise UnauthorizedClientError
