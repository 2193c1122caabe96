"""The refresh token grant (RFC 6749 §6) with rotation and reuse detection (RFC 9700 §4.14.2)."""

from typing import Any

from chalicelib.audit.trail import record
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.oauth.clients import granted_scopes
from chalicelib.oauth.errors import InvalidGrantError, InvalidRequestError
from chalicelib.oauth.families import (
    RefreshToken,
    is_alive,
    is_current,
    is_of,
    parse_refresh_token,
    revoke_family,
    rotate,
    was_used,
)
from chalicelib.oauth.grants.grant import Bearer, TokenRequest, sign_access_token, token_response
from chalicelib.oauth.grants.names import REFRESH_TOKEN
from chalicelib.oauth.models import TokenFamily
from chalicelib.oauth.standing import allowed_scopes, require_in_force
from chalicelib.telemetry.measure import count
from chalicelib.users.models import User
from chalicelib.web.operation import Call


def needs(parameters: dict[str, str]) -> list[Key | None]:
    """Read the family, the user and a possible tombstone with the client."""
    token = parse_refresh_token(parameters.get(REFRESH_TOKEN, ""))
    return [token.family_key, token.used_key, keys.user(token.user_id)] if token else []


def grant(request: TokenRequest) -> dict[str, Any]:
    """Exchange a refresh token for new tokens.

    :raises InvalidRequestError: there is no refresh token.
    :raises InvalidGrantError: it is unknown, expired, revoked, another client's, or was used before; then
        the whole family dies.
    :raises UnauthorizedClientError: the client is suspended, or its owner's account disabled or gone.
    :raises InvalidScopeError: more is asked than the sign-in granted.
    """
    if REFRESH_TOKEN not in request.parameters:
        raise InvalidRequestError("refresh_token is needed.")
    token = parse_refresh_token(request.parameters[REFRESH_TOKEN])
    if token is None:
        raise InvalidGrantError
    family = _family(request, token)
    user = _user(request.call, family)
    allowed = allowed_scopes(request.client, require_in_force(request.call, request.client))
    scopes = granted_scopes(allowed.intersection(family.scope.split()), request.parameters.get("scope"))
    bearer = Bearer(user, scopes, token.family_id, family.consent_id)
    access_token = sign_access_token(request, bearer)
    try:
        fresh = rotate(request.call.settings, family, token)
    except ConditionFailedError as error:
        if "consent" in error.names:
            revoke_family(token.family_key)
        else:
            # Somebody presented the same token in this very moment: one of the two is a thief.
            _end(request, family)
        raise InvalidGrantError from error
    return token_response(request, access_token, scopes, fresh.text)


def _family(request: TokenRequest, token: RefreshToken) -> TokenFamily:
    family = request.call.items.get(token.family_key)
    if not isinstance(family, TokenFamily) or not is_of(family, request.client):
        raise InvalidGrantError
    if not is_current(family, token):
        if was_used(request.call, token):
            _end(request, family)
        raise InvalidGrantError
    if not is_alive(family):
        raise InvalidGrantError
    return family


def _end(request: TokenRequest, family: TokenFamily) -> None:
    count("token_reuses")
    transaction = Transaction()
    user_id, client_id = family.user_id, family.client_id
    record(
        transaction,
        request.call,
        "refresh_token_reuse",
        outcome="failure",
        user_id=user_id,
        client_id=client_id,
        details={"family": family.family_id},
    )
    revoke_family(family.key, transaction)


def _user(call: Call, family: TokenFamily) -> User:
    user = call.items.get(keys.user(family.user_id))
    if not isinstance(user, User) or not user.is_active:
        raise InvalidGrantError
    if user.credentials_version != family.credentials_version:
        raise InvalidGrantError
    return user
