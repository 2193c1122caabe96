"""The password grant (RFC 6749 §4.3), for first-party clients only."""

from typing import Any

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.oauth.clients.models import REFRESH_TOKEN
from chalicelib.oauth.clients.standing import allowed_scopes, granted_scopes, is_first_party, require_owner
from chalicelib.oauth.errors import InvalidGrantError, InvalidRequestError, UnauthorizedClientError
from chalicelib.oauth.grants.grant import TokenRequest, token_response
from chalicelib.oauth.tokens.families import start_family
from chalicelib.users.sign_in import UnverifiedEmailError, look_up, sign_in, username_key


def reads(parameters: dict[str, str]) -> list[Key | None]:
    """Return the key of the marker of the username or email address."""
    return [username_key(parameters.get("username", ""))]


def grant(request: TokenRequest) -> dict[str, Any]:
    """Issue tokens to whoever knows the password.

    :raises UnauthorizedClientError: the client is not first-party today, or suspended.
    :raises InvalidGrantError: unknown user, wrong password or disabled user: the same bytes, and as slow;
        or the email address is to be confirmed first.
    :raises TooManyRequestsError: the account or the address failed too often, right or wrong, or the account
        signed in too often.
    """
    context, parameters, client = request.context, request.parameters, request.client
    if "username" not in parameters or "password" not in parameters:
        raise InvalidRequestError("Send username (or email address) and password.")
    candidate = look_up(context, parameters["username"], lambda _: [keys.user(client.user_id)])
    owner = require_owner(context, client)
    if not is_first_party(client, owner):
        raise UnauthorizedClientError
    scopes = granted_scopes(allowed_scopes(client, owner), parameters.get("scope"))
    password = parameters["password"]
    try:
        user = sign_in(context, client.client_id, candidate, password, InvalidGrantError())
    except UnverifiedEmailError as error:
        raise InvalidGrantError(error.detail) from error
    if REFRESH_TOKEN not in client.grant_types:
        return token_response(request, user, scopes)
    family, token = start_family(context, user, client, scopes)
    return token_response(request, user, scopes, family=family, refresh_token=token)
