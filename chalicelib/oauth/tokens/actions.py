"""The end of tokens before their time (RFC 7009); each action adds to the context's work."""

import time

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.events import Event
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.tokens.families import RefreshToken, is_current, revoke_family, was_used
from chalicelib.oauth.tokens.models import RevokedToken, TokenFamily
from chalicelib.security.tokens import LEEWAY, Claims
from chalicelib.telemetry.measure import count


def revoke_refresh_token(context: Context, client: OAuth2Client, token: RefreshToken) -> None:
    """End the family of a client's refresh token, if it is or was one; the family was read. Idempotent."""
    family = context.find(TokenFamily, token.family_key)
    if family is None or family.client_id != client.client_id or family.is_revoked:
        return
    if is_current(family, token) or was_used(context, token):
        revoke_family(context, family)
        _emit(context, client, family.user_id, "refresh_token")


def revoke_access_token(context: Context, client: OAuth2Client, claims: Claims) -> None:
    """Put a client's access token on the denylist until it expires; its entry was read. Idempotent."""
    key = keys.revoked_token(claims.jti)
    if claims.client_id != client.client_id or context.find(RevokedToken, key):
        return
    expires = max(claims.exp, int(time.time())) + LEEWAY + 1
    context.work.put(RevokedToken.at(key, expires_at=expires))
    _emit(context, client, claims.owner, "access_token")


def _emit(context: Context, client: OAuth2Client, user_id: str, token_type: str) -> None:
    count("tokens_revoked")
    details = {"token_type": token_type}
    context.emit(Event(name="token_revocation", user_id=user_id, client_id=client.client_id, details=details))
