"""What a token is worth at this moment, told to the client that it was issued to (RFC 7662)."""

from dataclasses import dataclass
from typing import Any

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.errors import InvalidTokenError
from chalicelib.oauth.authenticate import TokenAuthenticator
from chalicelib.oauth.families import (
    RefreshToken,
    consent_keys,
    has_consent,
    is_alive,
    is_current,
    is_of,
    parse_refresh_token,
)
from chalicelib.oauth.models import OAuth2Client, TokenFamily
from chalicelib.oauth.standing import allowed_scopes, is_in_force, owner_of
from chalicelib.security.tokens import Claims, verify
from chalicelib.users.models import User
from chalicelib.web.operation import Call

INACTIVE = {"active": False}


@dataclass(frozen=True)
class Subject:
    """A token that is asked about, and what has to be read of it."""

    refresh_token: RefreshToken | None
    claims: Claims | None
    keys: tuple[Key, ...]


def read_subject(call: Call, text: str) -> Subject:
    """Find out what kind of token a text is, if any."""
    token = parse_refresh_token(text)
    if token:
        return Subject(token, None, (token.family_key, keys.user(token.user_id)))
    try:
        claims = verify(call.keyring, call.request.base_url, text)
    except InvalidTokenError:
        return Subject(None, None, ())
    call.claims = claims
    found = [load.key(call) for load in TokenAuthenticator().loads(claims)]
    return Subject(None, claims, tuple(key for key in found if key))


def introspect(call: Call, client: OAuth2Client, subject: Subject) -> dict[str, Any]:
    """Describe a token of a client; others' tokens are as unknown as garbage."""
    if subject.claims and subject.claims.client_id == client.client_id:
        return _access_token(call, subject.claims)
    if subject.refresh_token:
        return _refresh_token(call, client, subject.refresh_token)
    return INACTIVE


def _access_token(call: Call, claims: Claims) -> dict[str, Any]:
    try:
        actor = TokenAuthenticator().actor(call, claims)
    except InvalidTokenError:
        return INACTIVE
    issuer = call.request.base_url
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


def _refresh_token(call: Call, client: OAuth2Client, token: RefreshToken) -> dict[str, Any]:
    family, user = call.items.get(token.family_key), call.items.get(keys.user(token.user_id))
    if not isinstance(family, TokenFamily) or not isinstance(user, User):
        return INACTIVE
    if not is_of(family, client) or not is_current(family, token) or not is_alive(family):
        return INACTIVE
    if not user.is_active or user.credentials_version != family.credentials_version:
        return INACTIVE
    owner = owner_of(call, client, *consent_keys(family))
    if not is_in_force(client, owner) or not has_consent(call, family):
        return INACTIVE
    return {
        "active": True,
        "scope": " ".join(sorted(allowed_scopes(client, owner).intersection(family.scope.split()))),
        "client_id": client.client_id,
        "username": user.username,
        "exp": int(min(family.idle_until, family.absolute_until)),
        "sub": user.id,
        "iss": call.request.base_url,
    }
