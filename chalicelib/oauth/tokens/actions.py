"""What clients can do with their tokens: end them (RFC 7009), and ask about them (RFC 7662)."""

import time
from collections.abc import Collection
from typing import Any

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.errors import InvalidTokenError
from chalicelib.events import Event
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.clients.standing import allowed_scopes, find_owner
from chalicelib.oauth.tokens import authenticator, families
from chalicelib.oauth.tokens.families import RefreshToken
from chalicelib.oauth.tokens.models import RevokedToken, TokenFamily
from chalicelib.security.tokens import LEEWAY, Claims, verify
from chalicelib.telemetry.measure import count
from chalicelib.users.sign_in import signed_in_user

Token = RefreshToken | Claims | None
INACTIVE = {"active": False}


def parse_token(context: Context, issuer: str, text: str) -> Token:
    """Read a presented token of either kind; None if it is none of ours."""
    try:
        return families.parse_refresh_token(text) or verify(context.keyring, issuer, text)
    except InvalidTokenError:
        return None


def revocation_keys(token: Token) -> Collection[Key]:
    """Return the keys of what `revoke` needs beside the client."""
    if isinstance(token, RefreshToken):
        return [token.family_key, token.used_key]
    return [keys.revoked_token(token.jti)] if token else []


def revoke(context: Context, client: OAuth2Client, token: Token) -> None:
    """End a token of a client: of a refresh token the family, of an access token only itself. Idempotent."""
    if isinstance(token, RefreshToken):
        _revoke_refresh_token(context, client, token)
    elif token:
        _revoke_access_token(context, client, token)


def _revoke_refresh_token(context: Context, client: OAuth2Client, token: RefreshToken) -> None:
    family = context.find(TokenFamily, token.family_key)
    if family is None or family.client_id != client.client_id or family.is_revoked:
        return
    if families.is_current(family, token) or families.was_used(context, token):
        families.revoke_family(context, family)
        _emit(context, client, family.user_id, "refresh_token")


def _revoke_access_token(context: Context, client: OAuth2Client, claims: Claims) -> None:
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


def introspection_keys(token: Token) -> Collection[Key]:
    """Return the keys of what `introspect` needs beside the client."""
    if isinstance(token, RefreshToken):
        return [token.family_key, keys.user(token.user_id)]
    return authenticator.reads(token) if token else []


def introspect(context: Context, issuer: str, client: OAuth2Client, token: Token) -> dict[str, Any]:
    """Describe a token of a client; others' tokens are as unknown as garbage."""
    if isinstance(token, RefreshToken):
        return _describe_refresh_token(context, issuer, client, token)
    if token and token.client_id == client.client_id:
        return _describe_access_token(context, issuer, token)
    return INACTIVE


def _describe_access_token(context: Context, issuer: str, claims: Claims) -> dict[str, Any]:
    try:
        actor = authenticator.actor(context, claims)
    except InvalidTokenError:
        return INACTIVE
    return {
        "active": True,
        "scope": " ".join(sorted(actor.scopes)),
        "client_id": claims.client_id,
        "username": actor.account.username,
        "token_type": "Bearer",
        "exp": claims.exp,
        "sub": claims.sub,
        "aud": issuer,
        "iss": issuer,
        "jti": claims.jti,
    }


def _describe_refresh_token(
    context: Context, issuer: str, client: OAuth2Client, token: RefreshToken
) -> dict[str, Any]:
    family = context.find(TokenFamily, token.family_key)
    if family is None or not families.is_of(family, client):
        return INACTIVE
    if not families.is_current(family, token) or not families.is_alive(family):
        return INACTIVE
    user = signed_in_user(context, token.user_id, int(family.credentials_version))
    if user is None:
        return INACTIVE
    context.read([keys.user(client.user_id), families.consent_key(family)])
    owner = find_owner(context, client)
    if owner is None or not families.has_consent(context, family):
        return INACTIVE
    return {
        "active": True,
        "scope": " ".join(sorted(allowed_scopes(client, owner).intersection(family.scope.split()))),
        "client_id": client.client_id,
        "username": user.username,
        "exp": int(min(family.idle_until, family.absolute_until)),
        "sub": user.id,
        "iss": issuer,
    }
