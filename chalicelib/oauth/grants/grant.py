"""What every grant has in common: the answer that carries the tokens (RFC 6749 §5.1)."""

from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.errors import InvalidGrantError
from chalicelib.security.tokens import Claims, issue
from chalicelib.telemetry.measure import count, note
from chalicelib.users.models import User


@dataclass(frozen=True)
class TokenRequest:
    """A request at the token endpoint whose client is authenticated.

    :param issuer: public base URL of the stage.
    """

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


def sign_access_token(
    request: TokenRequest,
    user: User,
    scopes: frozenset[str],
    *,
    family: str | None = None,
    consent: str | None = None,
    sub: str | None = None,
) -> str:
    """Issue an access token; before anything is written, so that a key that does not answer loses nothing.

    :param user: the account that it acts for.
    :param family: id of the refresh token family, with which it lives and dies.
    :param consent: id of the consent, with which both do after a sign-in by code.
    :param sub: the subject, where it is not the user.
    :raises ServiceUnavailableError: AWS KMS, which holds the private key, does not answer.
    """
    context = request.context
    note(actor_id=user.id)
    claims = Claims(
        sub=sub or user.id,
        client_id=request.client.client_id,
        client_owner=request.client.user_id,
        registration=request.client.registration_id,
        scopes=scopes,
        owner=user.id,
        credentials_version=int(user.credentials_version),
        family=family,
        consent=consent,
    )
    lifetime = context.settings.access_token_lifetime
    return context.once(claims, lambda: issue(context.keyring, request.issuer, claims, lifetime))


def token_response(
    request: TokenRequest, access_token: str, scopes: frozenset[str], refresh_token: str | None = None
) -> dict[str, Any]:
    """Build the answer (RFC 6749 §5.1)."""
    count("tokens_issued")
    answer = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": request.context.settings.access_token_lifetime,
        "scope": " ".join(sorted(scopes)),
    }
    return answer | ({"refresh_token": refresh_token} if refresh_token else {})


def signed_in_user(context: Context, user_id: str, credentials_version: int) -> User:
    """Return the user of an earlier sign-in, who was read.

    :param credentials_version: the account's at that time.
    :raises InvalidGrantError: the account is gone or disabled, or its credentials have changed.
    """
    user = context.find(User, keys.user(user_id))
    if user is None or not user.is_active or user.credentials_version != credentials_version:
        raise InvalidGrantError
    return user
