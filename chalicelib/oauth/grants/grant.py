"""What every grant has in common: the answer that carries the tokens (RFC 6749 §5.1)."""

from dataclasses import dataclass
from typing import Any

from chalicelib.oauth.models import OAuth2Client
from chalicelib.security.tokens import Claims, issue
from chalicelib.telemetry.measure import count, note
from chalicelib.users.models import User
from chalicelib.web.operation import Call


@dataclass(frozen=True)
class TokenRequest:
    """A request at the token endpoint whose client is authenticated."""

    call: Call
    parameters: dict[str, str]
    client: OAuth2Client


@dataclass(frozen=True)
class Bearer:
    """Whom and what an access token is for.

    :param user: the account that it acts for.
    :param family: id of the refresh token family, with which it lives and dies.
    :param consent: id of the consent, with which both do after a sign-in by code.
    """

    user: User
    scopes: frozenset[str]
    family: str | None = None
    consent: str | None = None


def sign_access_token(request: TokenRequest, bearer: Bearer, *, sub: str | None = None) -> str:
    """Issue an access token; before anything is written, so that a key that does not answer loses nothing.

    :param sub: the subject, where it is not the user.
    :raises ServiceUnavailableError: whoever holds the private key does not answer.
    """
    call = request.call
    note(actor_id=bearer.user.id)
    claims = Claims(
        sub=sub or bearer.user.id,
        client_id=request.client.client_id,
        client_owner=request.client.user_id,
        registration=request.client.registration_id,
        scopes=bearer.scopes,
        owner=bearer.user.id,
        credentials_version=int(bearer.user.credentials_version),
        family=bearer.family,
        consent=bearer.consent,
    )
    return issue(call.keyring, call.request.base_url, claims, call.settings.access_token_lifetime)


def token_response(
    request: TokenRequest, access_token: str, scopes: frozenset[str], refresh_token: str | None = None
) -> dict[str, Any]:
    """Build the answer (RFC 6749 §5.1)."""
    count("tokens_issued")
    answer = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": request.call.settings.access_token_lifetime,
        "scope": " ".join(sorted(scopes)),
    }
    return answer | ({"refresh_token": refresh_token} if refresh_token else {})
