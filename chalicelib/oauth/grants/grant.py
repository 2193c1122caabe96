"""What grants have in common."""

from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.errors import ApiError
from chalicelib.events import Event, EventName
from chalicelib.oauth.authorize.models import AuthorizationCode
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.errors import InvalidGrantError
from chalicelib.oauth.tokens.families import RefreshToken, revoke_unread_family
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.security.tokens import Claims, issue
from chalicelib.telemetry.measure import count, note
from chalicelib.users.models import User
from chalicelib.users.sign_in import signed_in_user


@dataclass(frozen=True)
class TokenRequest:
    """A request at the token endpoint whose client is authenticated."""

    context: Context
    issuer: str
    parameters: dict[str, str]
    client: OAuth2Client


class Grant(Protocol):
    """What a module of this package has; grants/handlers.py lists them."""

    def reads(self, parameters: dict[str, str], /) -> list[Key | None]:
        """Return the keys of what is read together with the client."""
        ...

    def grant(self, request: TokenRequest, /) -> dict[str, Any]:
        """Return the answer (RFC 6749 §5.1)."""
        ...


def token_response(
    request: TokenRequest,
    user: User,
    scopes: frozenset[str],
    *,
    sub: str | None = None,
    family: TokenFamily | None = None,
    refresh_token: RefreshToken | None = None,
) -> dict[str, Any]:
    """Sign an access token, and return the answer that carries it (RFC 6749 §5.1).

    :param sub: the subject, where it is not the user.
    :param family: with which it lives and dies, as both do with the consent that the family rests on.
    :raises ServiceUnavailableError: AWS KMS, which holds the private key, does not answer.
    """
    context, client = request.context, request.client
    note(actor_id=user.id)
    claims = Claims(
        sub=sub or user.id,
        client_id=client.client_id,
        client_owner=client.user_id,
        registration=client.registration_id,
        scopes=scopes,
        owner=user.id,
        credentials_version=int(user.credentials_version),
        family=family.family_id if family else None,
        consent=family.consent_id if family else None,
    )
    lifetime = context.settings.access_token_lifetime
    access_token = context.once(claims, lambda: issue(context.keyring, request.issuer, claims, lifetime))
    count("tokens_issued")
    answer = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": lifetime,
        "scope": " ".join(sorted(scopes)),
    }
    return answer | ({"refresh_token": refresh_token.text} if refresh_token else {})


def require_signed_in(context: Context, item: AuthorizationCode | TokenFamily) -> User:
    """Return the user whose sign-in a code or family came of, who was read.

    :raises InvalidGrantError: the sign-in does not hold any more.
    """
    user = signed_in_user(context, item.user_id, int(item.credentials_version))
    if user is None:
        raise InvalidGrantError
    return user


def reuse(context: Context, name: EventName, item: AuthorizationCode | TokenFamily) -> ApiError:
    """Return the refusal of what was used before; it ends the family, as somebody else may have a copy."""
    error = context.refuse(InvalidGrantError())
    revoke_unread_family(context, keys.family(item.user_id, item.family_id), otherwise=error)
    event = Event(
        name=name,
        user_id=item.user_id,
        client_id=item.client_id,
        outcome="failure",
        details={"family": item.family_id},
    )
    context.emit(event)
    return error
