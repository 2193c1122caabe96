"""The authorization code grant (RFC 6749 §4.1.3) with PKCE (RFC 7636)."""

import time
from typing import Any

from chalicelib.audit.trail import record
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.errors import OutcomeUnknownError
from chalicelib.oauth.clients import granted_scopes
from chalicelib.oauth.codes import is_for, is_verified, parse_code
from chalicelib.oauth.errors import InvalidGrantError, InvalidRequestError
from chalicelib.oauth.families import Start, require_consent, revoke_family, start_family
from chalicelib.oauth.grants.grant import Bearer, TokenRequest, sign_access_token, token_response
from chalicelib.oauth.grants.names import REFRESH_TOKEN
from chalicelib.oauth.models import AuthorizationCode
from chalicelib.oauth.standing import allowed_scopes, require_in_force
from chalicelib.telemetry.measure import count
from chalicelib.users.models import User


def needs(parameters: dict[str, str]) -> list[Key | None]:
    """Read the code and the user who signed in for it with the client."""
    code = parse_code(parameters.get("code", ""))
    return [code.key, keys.user(code.user_id)] if code else []


def grant(request: TokenRequest) -> dict[str, Any]:
    """Exchange an authorization code for tokens, once.

    :raises InvalidRequestError: code or code_verifier is missing.
    :raises InvalidGrantError: the code is unknown, expired, another client's, of another redirect URI or
        verifier, or was used before; then what it was exchanged for dies.
    :raises UnauthorizedClientError: the client is suspended, or its owner's account disabled or gone.
    :raises InvalidScopeError: the client has lost every scope that the person allowed.
    """
    if "code" not in request.parameters or "code_verifier" not in request.parameters:
        raise InvalidRequestError("code and code_verifier are needed.")
    code = _code(request)
    user = _user(request, code)
    return _exchange(request, code, user)


def _code(request: TokenRequest) -> AuthorizationCode:
    parsed = parse_code(request.parameters["code"])
    code = request.call.items.get(parsed.key) if parsed else None
    if not isinstance(code, AuthorizationCode) or not is_for(code, request.client):
        raise InvalidGrantError
    if not _names_same_uri(request, code) or not is_verified(code, request.parameters["code_verifier"]):
        raise InvalidGrantError
    if code.is_used:
        # RFC 6749 §4.1.2: one of the two who had it is a thief, and nobody knows which. Who lacks the
        # verifier could never have used it, and may not sign anybody out.
        _end(request, code)
        raise InvalidGrantError
    if time.time() >= code.valid_until:
        raise InvalidGrantError
    return code


def _end(request: TokenRequest, code: AuthorizationCode) -> None:
    count("token_reuses")
    transaction = Transaction()
    record(
        transaction,
        request.call,
        "code_reuse",
        outcome="failure",
        user_id=code.user_id,
        client_id=code.client_id,
        details={"family": code.family_id},
    )
    revoke_family(keys.family(code.user_id, code.family_id), transaction)


def _names_same_uri(request: TokenRequest, code: AuthorizationCode) -> bool:
    # RFC 6749 §4.1.3: needed here if the authorization request named it
    assumed = "" if code.names_redirect_uri else code.redirect_uri
    return request.parameters.get("redirect_uri", assumed) == code.redirect_uri


def _user(request: TokenRequest, code: AuthorizationCode) -> User:
    user = request.call.items.get(keys.user(code.user_id))
    if not isinstance(user, User) or not user.is_active:
        raise InvalidGrantError
    if user.credentials_version != code.credentials_version:
        raise InvalidGrantError
    return user


def _exchange(request: TokenRequest, code: AuthorizationCode, user: User) -> dict[str, Any]:
    client = request.client
    allowed = allowed_scopes(client, require_in_force(request.call, client))
    scopes = granted_scopes(allowed.intersection(code.scope.split()), None)
    start = Start(user, client, scopes, code.family_id, code.consent_id)
    transaction = Transaction()
    transaction.change("code", code, {"is_used": True})
    require_consent(transaction, user.id, client.client_id, code.consent_id)
    # Without refresh tokens, too: the family is what a second use of the code ends.
    token = start_family(transaction, request.call.settings, start)
    access_token = sign_access_token(request, Bearer(user, scopes, code.family_id, code.consent_id))
    try:
        transaction.commit()
    except OutcomeUnknownError as error:
        raise error.told("Start the authorization over: the code may have been used up.") from error
    except ConditionFailedError as error:
        if "code" in error.names:
            _end(request, code)
        raise InvalidGrantError from error
    may_refresh = REFRESH_TOKEN in client.grant_types
    return token_response(request, access_token, scopes, token.text if may_refresh else None)
