"""Token introspection (RFC 7662), for the client that a token was issued to."""

from dataclasses import dataclass
from typing import Any

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.errors import InvalidTokenError
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.clients.standing import allowed_scopes, is_in_force
from chalicelib.oauth.tokens import authenticator
from chalicelib.oauth.tokens.families import (
    RefreshToken,
    consent_key,
    has_consent,
    is_alive,
    is_current,
    is_of,
    parse_refresh_token,
)
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.security.tokens import Claims, verify
from chalicelib.users.models import User

INACTIVE = {"active": False}


@dataclass(frozen=True)
class Subject:
    """A token that is asked about, and what has to be read of it."""

    refresh_token: RefreshToken | None
    claims: Claims | None
    keys: tuple[Key, ...]


def parse_subject(context: Context, issuer: str, text: str) -> Subject:
    """Return what kind of token a text is, if any."""
    token = parse_refresh_token(text)
    if token:
        return Subject(token, None, (token.family_key, keys.user(token.user_id)))
    try:
        claims = verify(context.keyring, issuer, text)
    except InvalidTokenError:
        return Subject(None, None, ())
    return Subject(None, claims, tuple(authenticator.reads(claims)))


def introspect(context: Context, issuer: str, client: OAuth2Client, subject: Subject) -> dict[str, Any]:
    """Describe a token of a client; others' tokens are as unknown as garbage."""
    if subject.claims and subject.claims.client_id == client.client_id:
        return _access_token(context, issuer, subject.claims)
    if subject.refresh_token:
        return _refresh_token(context, issuer, client, subject.refresh_token)
    return INACTIVE


def _access_token(context: Context, issuer: str, claims: Claims) -> dict[str, Any]:
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


def _refresh_token(
    context: Context, issuer: str, client: OAuth2Client, token: RefreshToken
) -> dict[str, Any]:
    family = context.find(TokenFamily, token.family_key)
    user = context.find(User, keys.user(token.user_id))
    if family is None or user is None:
        return INACTIVE
    if not is_of(family, client) or not is_current(family, token) or not is_alive(family):
        return INACTIVE
    if not user.is_active or user.credentials_version != family.credentials_version:
        return INACTIVE
    context.read([keys.user(client.user_id), consent_key(family)])
    owner = context.find(User, keys.user(client.user_id))
    if not is_in_force(client, owner) or not has_consent(context, family):
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
