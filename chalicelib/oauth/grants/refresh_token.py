"""The refresh token grant (RFC 6749 §6) with rotation and reuse detection (RFC 9700 §4.14.2)."""

from typing import Any

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.transaction import StaleError
from chalicelib.oauth.clients.models import REFRESH_TOKEN
from chalicelib.oauth.clients.standing import allowed_scopes, granted_scopes, is_first_party, require_owner
from chalicelib.oauth.errors import InvalidGrantError, InvalidRequestError, UnauthorizedClientError
from chalicelib.oauth.grants.grant import TokenRequest, require_signed_in, reuse, token_response
from chalicelib.oauth.tokens import families
from chalicelib.oauth.tokens.families import RefreshToken
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.rate_limit import Budget, rate_limit
from chalicelib.telemetry.measure import count
from chalicelib.users import attempts

REFRESHES = rate_limit("120/hour")  # of each sign-in, so that no app holds back another one


def reads(parameters: dict[str, str]) -> list[Key | None]:
    """Return the keys of the family, the user, a possible tombstone and the count of refreshes."""
    token = families.parse_refresh_token(parameters.get(REFRESH_TOKEN, ""))
    if token is None:
        return []
    return [token.family_key, token.used_key, keys.user(token.user_id), *_budget(token, factor=1).limits]


def _budget(token: RefreshToken, factor: int) -> Budget:
    return Budget.of(REFRESHES, "refresh", attempts.sign_in(token.user_id, token.family_id), factor)


def grant(request: TokenRequest) -> dict[str, Any]:
    """Exchange a refresh token for new tokens.

    :raises InvalidGrantError: it is unknown, expired, revoked, another client's, or was used before the
        grace; then the whole family dies.
    :raises UnauthorizedClientError: the sign-in was by password, and the client is no longer first-party.
    :raises TooManyRequestsError: the sign-in was refreshed too often.
    :raises InvalidScopeError: more is asked than the sign-in granted, or nothing of it is left.
    """
    if REFRESH_TOKEN not in request.parameters:
        raise InvalidRequestError("refresh_token is needed.")
    token = families.parse_refresh_token(request.parameters[REFRESH_TOKEN])
    if token is None:
        raise InvalidGrantError
    context = request.context
    family = _family(request, token)
    user = require_signed_in(context, family)
    is_new = families.is_current(family, token)
    if is_new:
        budget = _budget(token, context.settings.rate_limit_factor)
        budget.check(context.items)
        budget.spend(context.work)
    scopes = _scopes(request, family, is_new=is_new)
    successor = families.rotate(context, family, token) if is_new else _repeat(context, family, token)
    return token_response(request, user, scopes, family=family, refresh_token=successor)


def _scopes(request: TokenRequest, family: TokenFamily, *, is_new: bool) -> frozenset[str]:
    context, client = request.context, request.client
    context.read([keys.user(client.user_id), None if is_new else families.consent_key(family)])
    owner = require_owner(context, client)
    if not family.consent_id and not is_first_party(client, owner):
        # The person typed a password into the client, and has no consent to withdraw.
        raise UnauthorizedClientError("Only first-party clients may refresh after a sign-in by password.")
    allowed = allowed_scopes(client, owner).intersection(family.scope.split())
    return granted_scopes(allowed, request.parameters.get("scope"))


def _repeat(context: Context, family: TokenFamily, token: RefreshToken) -> RefreshToken:
    successor = families.successor_of(context.keyring, token)
    if not families.has_consent(context, family) or not families.is_current(family, successor):
        # If the stage's secret was replaced since then, this is no theft, so the family lives on.
        raise InvalidGrantError
    return successor


def _family(request: TokenRequest, token: RefreshToken) -> TokenFamily:
    context = request.context
    family = context.find(TokenFamily, token.family_key)
    if family is None or not families.is_of(family, request.client):
        raise InvalidGrantError
    if not families.is_current(family, token) and not families.is_repeated(context, family, token):
        if families.was_used(context, token):
            count("token_reuses")
            raise InvalidGrantError if family.is_revoked else reuse(context, "refresh_token_reuse", family)
        if families.is_current(family, families.successor_of(context.keyring, token)):
            # BatchGetItem is no snapshot: the tombstone was read before a rotation, the family after it.
            raise StaleError
        raise InvalidGrantError
    if not families.is_alive(family):
        raise InvalidGrantError
    return family
