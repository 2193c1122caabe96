"""What every grant has in common: the answer that carries the tokens (RFC 6749 §5.1)."""

from dataclasses import dataclass
from typing import Any

from chalicelib.oauth.models import OAuth2Client
from chalicelib.security.tokens import Claims, issue
from chalicelib.users.models import User
from chalicelib.web.operation import Call


@dataclass(frozen=True)
class TokenRequest:
    """A request at the token endpoint whose client is authenticated."""

    call: Call
    parameters: dict[str, str]
    client: OAuth2Client


def sign_access_token(
    request: TokenRequest,
    user: User,
    scopes: frozenset[str],
    *,
    sub: str | None = None,
    family: str | None = None,
) -> str:
    """Issue an access token; before anything is written, so that a key that does not answer loses nothing.

    :param user: the account that the token acts for.
    :param sub: the subject, where it is not the user.
    :param family: id of the refresh token family, with which the access token lives and dies.
    :raises ServiceUnavailableError: whoever holds the private key does not answer.
    """
    call = request.call
    claims = Claims(
        sub=sub or user.id,
        client_id=request.client.client_id,
        scopes=scopes,
        owner=user.id,
        credentials_version=int(user.credentials_version),
        family=family,
    )
    return issue(call.keyring, call.request.base_url, claims, call.settings.access_token_lifetime)


def token_response(
    request: TokenRequest, access_token: str, scopes: frozenset[str], refresh_token: str | None = None
) -> dict[str, Any]:
    """Build the answer (RFC 6749 §5.1)."""
    answer = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": request.call.settings.access_token_lifetime,
        "scope": " ".join(sorted(scopes)),
    }
    return answer | ({"refresh_token": refresh_token} if refresh_token else {})
