"""The refresh token grant (RFC 6749 §6) with rotation and reuse detection (RFC 9700 §4.14.2)."""

from typing import Any

from chalicelib.audit.trail import record
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import get_many
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.errors import ServiceUnavailableError
from chalicelib.oauth.clients import granted_scopes
from chalicelib.oauth.errors import InvalidGrantError, InvalidRequestError, UnauthorizedClientError
from chalicelib.oauth.families import (
    RefreshToken,
    consent_keys,
    has_consent,
    is_alive,
    is_current,
    is_of,
    is_repeated,
    parse_refresh_token,
    revoke_family,
    rotate,
    successor_of,
    was_used,
)
from chalicelib.oauth.grants.grant import Bearer, TokenRequest, sign_access_token, token_response
from chalicelib.oauth.grants.names import REFRESH_TOKEN
from chalicelib.oauth.models import TokenFamily
from chalicelib.oauth.standing import allowed_scopes, is_first_party, require_in_force
from chalicelib.telemetry.measure import count
from chalicelib.users import attempts
from chalicelib.users.models import User
from chalicelib.web.operation import Call
from chalicelib.web.rate_limit import Budget, rate_limit

ATTEMPTS = 3  # the second one finds what the first one lost to
REFRESHES = rate_limit("120/hour")  # of each sign-in, so that no app holds back another one


def needs(parameters: dict[str, str]) -> list[Key | None]:
    """Read the family, the user, a possible tombstone and the count of refreshes with the client."""
    token = parse_refresh_token(parameters.get(REFRESH_TOKEN, ""))
    if token is None:
        return []
    return [token.family_key, token.used_key, keys.user(token.user_id), *_budget(token, factor=1).limits]


def _budget(token: RefreshToken, factor: int) -> Budget:
    return Budget.of(REFRESHES, "refresh", attempts.sign_in(token.user_id, token.family_id), factor)


def grant(request: TokenRequest) -> dict[str, Any]:
    """Exchange a refresh token for new tokens.

    :raises InvalidRequestError: there is no refresh token.
    :raises InvalidGrantError: it is unknown, expired, revoked, another client's, or was used before the
        grace; then the whole family dies.
    :raises UnauthorizedClientError: the client is suspended, its owner's account disabled or gone, or the
        sign-in was by password and the client is no longer first-party.
    :raises TooManyRequestsError: the sign-in was refreshed too often.
    :raises InvalidScopeError: more is asked than the sign-in granted, or nothing of it is left.
    """
    if REFRESH_TOKEN not in request.parameters:
        raise InvalidRequestError("refresh_token is needed.")
    token = parse_refresh_token(request.parameters[REFRESH_TOKEN])
    if token is None:
        raise InvalidGrantError
    for _ in range(ATTEMPTS):
        try:
            return _refresh(request, token)
        except ConditionFailedError:
            # Another tab may have shown the same token in this very moment.
            _read_again(request.call, needs(request.parameters))
    raise ServiceUnavailableError


def _read_again(call: Call, wanted: list[Key | None]) -> None:
    for key in wanted:
        call.items.pop(key, None) if key else None
    call.items |= get_many(key for key in wanted if key)


def _refresh(request: TokenRequest, token: RefreshToken) -> dict[str, Any]:
    call, client = request.call, request.client
    family = _family(request, token)
    user = _user(call, family)
    is_new = is_current(family, token)
    budget = _budget(token, call.settings.rate_limit_factor)
    if is_new:
        budget.check(call.items)
    owner = require_in_force(call, client, *([] if is_new else consent_keys(family)))
    if not family.consent_id and not is_first_party(client, owner):
        # The person typed a password into the client, and has no consent to withdraw.
        raise UnauthorizedClientError("Only a first-party client goes on after a sign-in by password.")
    allowed = allowed_scopes(client, owner).intersection(family.scope.split())
    scopes = granted_scopes(allowed, request.parameters.get("scope"))
    access_token = sign_access_token(request, Bearer(user, scopes, token.family_id, family.consent_id))
    counting = budget.transaction()
    successor = _rotate(call, family, token, counting) if is_new else _repeat(call, family, token)
    return token_response(request, access_token, scopes, successor.text)


def _rotate(call: Call, family: TokenFamily, token: RefreshToken, transaction: Transaction) -> RefreshToken:
    try:
        return rotate(call, family, token, transaction)
    except ConditionFailedError as error:
        if "consent" not in error.names:
            raise
        revoke_family(family.key)
        raise InvalidGrantError from error


def _repeat(call: Call, family: TokenFamily, token: RefreshToken) -> RefreshToken:
    if not has_consent(call, family):
        revoke_family(family.key)
        raise InvalidGrantError
    successor = successor_of(call.keyring, token)
    if not is_current(family, successor):
        # The stage's secret was replaced since then. That is nobody's theft, so nothing ends by it.
        raise InvalidGrantError
    return successor


def _family(request: TokenRequest, token: RefreshToken) -> TokenFamily:
    call, family = request.call, request.call.items.get(token.family_key)
    if not isinstance(family, TokenFamily) or not is_of(family, request.client):
        raise InvalidGrantError
    if not is_current(family, token) and not is_repeated(call, family, token):
        if was_used(call, token):
            _end(request, family)
        elif is_current(family, successor_of(call.keyring, token)):
            # BatchGetItem is no snapshot: the tombstone was read before a rotation, the family after it.
            raise ConditionFailedError(["used"])
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
