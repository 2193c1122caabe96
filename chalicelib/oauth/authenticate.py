"""From an access token's claims to a caller: asked of the table on every request, with one read."""

from typing import Any

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.errors import InvalidTokenError
from chalicelib.oauth.models import Consent, OAuth2Client, RevokedToken, TokenFamily
from chalicelib.oauth.standing import allowed_scopes, is_first_party, is_in_force
from chalicelib.security.actor import Actor
from chalicelib.security.tokens import Claims
from chalicelib.users.models import User
from chalicelib.web.operation import Call, Load


def _claims(call: Call) -> Claims:
    if call.claims is None:
        raise InvalidTokenError
    return call.claims


def _family_key(call: Call) -> Key | None:
    claims = _claims(call)
    return keys.family(claims.owner, claims.family) if claims.family else None


ACCOUNT = Load(User, lambda call: keys.user(_claims(call).owner))
CLIENT_OWNER = Load(User, lambda call: keys.user(_claims(call).client_owner))
CLIENT = Load(OAuth2Client, lambda call: keys.client(_claims(call).client_id))
REVOKED = Load(RevokedToken, lambda call: keys.revoked_token(_claims(call).jti))
FAMILY = Load(TokenFamily, _family_key)
CONSENT = Load(Consent, lambda call: keys.consent(_claims(call).owner, _claims(call).client_id))


class TokenAuthenticator:
    """Authenticates the bearer of an access token; absence of anything it needs is a refusal."""

    def loads(self, claims: Claims) -> tuple[Load[Any], ...]:
        """List account, client and its owner, denylist entry, and family and consent if there are any."""
        family = (FAMILY,) if claims.family else ()
        return (ACCOUNT, CLIENT, CLIENT_OWNER, REVOKED, *family, *((CONSENT,) if claims.consent else ()))

    def actor(self, call: Call, claims: Claims) -> Actor:
        """Build the caller; the client's scopes of today bound those of the token.

        :raises InvalidTokenError: the account is gone or disabled or had its credentials changed, the
            client is gone or suspended, the token, its family or the user's consent is revoked.
        """
        account, client = call.get(ACCOUNT), _client(call, claims)
        if account is None or call.get(REVOKED) is not None:
            raise InvalidTokenError
        if not account.is_active or account.credentials_version != claims.credentials_version:
            raise InvalidTokenError
        if claims.family:
            family = call.get(FAMILY)
            if family is None or family.is_revoked:
                raise InvalidTokenError
        if claims.consent:
            consent = call.get(CONSENT)
            if consent is None or consent.consent_id != claims.consent:
                raise InvalidTokenError
        owner, for_owner = call.get(CLIENT_OWNER), claims.sub == claims.client_id
        scopes = claims.scopes & allowed_scopes(client, owner, for_owner=for_owner)
        # What a client does for its owner is no sign-in: nobody typed a password.
        return Actor(account, claims, scopes, not for_owner and is_first_party(client, owner))


def _client(call: Call, claims: Claims) -> OAuth2Client:
    client, owner = call.get(CLIENT), call.get(CLIENT_OWNER)
    if client is None or client.registration_id != claims.registration:
        raise InvalidTokenError
    if client.user_id != claims.client_owner or not is_in_force(client, owner):
        raise InvalidTokenError
    return client
