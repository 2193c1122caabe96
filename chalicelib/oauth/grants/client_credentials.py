"""The client credentials grant (RFC 6749 §4.4): a service acts for the owner of its client."""

from typing import Any

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import get_many
from chalicelib.oauth.clients import granted_scopes
from chalicelib.oauth.errors import InvalidGrantError, UnauthorizedClientError
from chalicelib.oauth.grants.grant import Bearer, TokenRequest, sign_access_token, token_response
from chalicelib.oauth.models import CONFIDENTIAL
from chalicelib.users.models import User


def needs(_: dict[str, str]) -> list[Key | None]:
    """Nothing is read beside the client."""
    return []


def grant(request: TokenRequest) -> dict[str, Any]:
    """Give an access token, never a refresh token (RFC 6749 §4.4.3).

    :raises UnauthorizedClientError: a public client can't be told from anybody else.
    :raises InvalidGrantError: the owner is disabled or gone.
    """
    client = request.client
    if client.client_type != CONFIDENTIAL:
        raise UnauthorizedClientError
    scopes = granted_scopes(client, request.parameters.get("scope"))
    key = keys.user(client.user_id)
    owner = get_many([key]).get(key)
    if not isinstance(owner, User) or not owner.is_active:
        raise InvalidGrantError("The account that this client belongs to is disabled.")
    access_token = sign_access_token(request, Bearer(owner, scopes), sub=client.client_id)
    return token_response(request, access_token, scopes)
