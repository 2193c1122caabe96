"""The password grant (RFC 6749 §4.3), for first-party clients only."""

from typing import Any

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.oauth.clients import granted_scopes
from chalicelib.oauth.errors import InvalidGrantError, InvalidRequestError, UnauthorizedClientError
from chalicelib.oauth.families import Start, start_family
from chalicelib.oauth.grants.grant import Bearer, TokenRequest, sign_access_token, token_response
from chalicelib.oauth.grants.names import REFRESH_TOKEN
from chalicelib.oauth.standing import allowed_scopes, is_first_party, require_in_force
from chalicelib.users import attempts
from chalicelib.users.models import User
from chalicelib.users.sign_in import (
    SignInRefusedError,
    begin_sign_in,
    check_password,
    look_up,
    upgrade_hash,
    username_key,
)


def needs(parameters: dict[str, str]) -> list[Key | None]:
    """Read the marker of the username or email address with the client."""
    return [username_key(parameters.get("username", ""))]


def grant(request: TokenRequest) -> dict[str, Any]:
    """Issue tokens to whoever knows the password.

    :raises InvalidRequestError: username or password is missing.
    :raises UnauthorizedClientError: the client is not first-party today, or suspended.
    :raises InvalidGrantError: unknown user, wrong password or disabled user: the same bytes, and as slow.
    :raises TooManyRequestsError: the account or the address failed too often, right or wrong, or the account
        signed in too often.
    """
    call, parameters, client = request.call, request.parameters, request.client
    if "username" not in parameters or "password" not in parameters:
        raise InvalidRequestError("Send username (or email address) and password.")
    candidate = look_up(call, parameters["username"], lambda _: [keys.user(client.user_id)])
    owner = require_in_force(call, client)
    if not is_first_party(client, owner):
        raise UnauthorizedClientError
    scopes = granted_scopes(allowed_scopes(client, owner), parameters.get("scope"))
    try:
        user = check_password(call, client.client_id, candidate, parameters["password"])
    except SignInRefusedError as error:
        raise InvalidGrantError from error
    answer = _sign_in(request, user, scopes)
    upgrade_hash(user, parameters["password"])
    return answer


def _sign_in(request: TokenRequest, user: User, scopes: frozenset[str]) -> dict[str, Any]:
    settings = request.call.settings
    transaction = begin_sign_in(request.call, user, request.client.client_id)
    token, family = None, None
    if REFRESH_TOKEN in request.client.grant_types:
        first = start_family(transaction, settings, Start(user, request.client, scopes))
        token, family = first.text, first.family_id
    access_token = sign_access_token(request, Bearer(user, scopes, family))
    attempts.commit(transaction, settings)
    return token_response(request, access_token, scopes, token)
