"""The client credentials grant (RFC 6749 §4.4): a service acts for the owner of its client."""

from typing import Any

from chalicelib.db.keys import Key
from chalicelib.oauth.clients.models import CONFIDENTIAL
from chalicelib.oauth.clients.standing import allowed_scopes, granted_scopes, require_owner
from chalicelib.oauth.errors import UnauthorizedClientError
from chalicelib.oauth.grants.grant import TokenRequest, token_response


def reads(_: dict[str, str]) -> list[Key | None]:
    """Return no key: nothing is read beside the client."""
    return []


def grant(request: TokenRequest) -> dict[str, Any]:
    """Issue an access token, never a refresh token (RFC 6749 §4.4.3).

    :raises UnauthorizedClientError: a public client cannot be told from anybody else; or the client is
        suspended, or its owner disabled or gone.
    """
    client = request.client
    if client.client_type != CONFIDENTIAL:
        raise UnauthorizedClientError
    owner = require_owner(request.context, client)
    allowed = allowed_scopes(client, owner, for_owner=True)
    scopes = granted_scopes(allowed, request.parameters.get("scope"))
    return token_response(request, owner, scopes, sub=client.client_id)
