"""What every grant has in common: the answer that carries the tokens (RFC 6749 §5.1)."""

from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Tokens:
    """What a grant gives.

    :param user: the account that the access token acts for.
    :param family: id of the refresh token family, with which the access token lives and dies.
    :param consent: id of the consent, with which both do after a sign-in by code.
    """

    user: User
    scopes: frozenset[str]
    family: str | None = None
    consent: str | None = None
    refresh_token: str | None = field(default=None, repr=False)


def token_response(request: TokenRequest, tokens: Tokens, *, sub: str | None = None) -> dict[str, Any]:
    """Issue an access token and build the answer.

    :param sub: the subject, where it is not the user.
    """
    settings = request.call.settings
    claims = Claims(
        sub=sub or tokens.user.id,
        client_id=request.client.client_id,
        scopes=tokens.scopes,
        owner=tokens.user.id,
        credentials_version=int(tokens.user.credentials_version),
        family=tokens.family,
        consent=tokens.consent,
    )
    lifetime = settings.access_token_lifetime
    answer = {
        "access_token": issue(request.call.keyring, request.call.request.base_url, claims, lifetime),
        "token_type": "Bearer",
        "expires_in": lifetime,
        "scope": " ".join(sorted(tokens.scopes)),
    }
    return answer | ({"refresh_token": tokens.refresh_token} if tokens.refresh_token else {})
