"""From an access token's claims to a caller: asked of the table on every request, with one read.

Absence of anything that the token needs is a refusal.
"""

from collections.abc import Collection

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.errors import InvalidTokenError
from chalicelib.oauth.authorize.models import Consent
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.clients.standing import allowed_scopes, find_owner, is_first_party
from chalicelib.oauth.tokens.models import RevokedToken, TokenFamily
from chalicelib.security.actor import Actor
from chalicelib.security.tokens import Claims
from chalicelib.users.sign_in import signed_in_user


def reads(claims: Claims) -> Collection[Key]:
    """List account, client and its owner, denylist entry, and family and consent if there are any."""
    found = [
        keys.user(claims.owner),
        keys.client(claims.client_id),
        keys.user(claims.client_owner),
        keys.revoked_token(claims.jti),
    ]
    found += [keys.family(claims.owner, claims.family)] if claims.family else []
    found += [keys.consent(claims.owner, claims.client_id)] if claims.consent else []
    return found


def actor(context: Context, claims: Claims) -> Actor:
    """Build the caller; the client's scopes of today bound those of the token.

    :raises InvalidTokenError: the account is gone or disabled or had its credentials changed, the
        client is gone or suspended, the token, its family or the user's consent is revoked.
    """
    account = signed_in_user(context, claims.owner, claims.credentials_version)
    if account is None or context.find(RevokedToken, keys.revoked_token(claims.jti)):
        raise InvalidTokenError
    _check_family(context, claims)
    client = context.find(OAuth2Client, keys.client(claims.client_id))
    if client is None or client.registration_id != claims.registration:
        raise InvalidTokenError
    owner = find_owner(context, client) if client.user_id == claims.client_owner else None
    if owner is None:
        raise InvalidTokenError
    for_owner = claims.sub == claims.client_id
    scopes = claims.scopes & allowed_scopes(client, owner, for_owner=for_owner)
    # What a client does for its owner is no sign-in: nobody typed a password.
    return Actor(account, claims, scopes, not for_owner and is_first_party(client, owner))


def _check_family(context: Context, claims: Claims) -> None:
    if claims.family:
        family = context.find(TokenFamily, keys.family(claims.owner, claims.family))
        if family is None or family.is_revoked:
            raise InvalidTokenError
    if claims.consent:
        consent = context.find(Consent, keys.consent(claims.owner, claims.client_id))
        if consent is None or consent.consent_id != claims.consent:
            raise InvalidTokenError
