"""The password grant (RFC 6749 §4.3), for first-party clients that are marked by their grant types."""

from typing import Any

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import get_many
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.errors import ServiceUnavailableError
from chalicelib.oauth.clients import granted_scopes
from chalicelib.oauth.errors import InvalidGrantError, InvalidRequestError
from chalicelib.oauth.families import start_family
from chalicelib.oauth.grants import refresh_token
from chalicelib.oauth.grants.grant import TokenRequest, sign_access_token, token_response
from chalicelib.security.passwords import hash_password, needs_rehash, verify_password
from chalicelib.users import attempts
from chalicelib.users.models import UniqueName, User
from chalicelib.web.operation import Call

NAME = "password"
MAX_USERNAME = 200  # characters, beyond which nothing needs to be looked up
NOBODY = "0" * 26  # an id that no user has


def needs(parameters: dict[str, str]) -> list[Key | None]:
    """Read the marker of the username with the client."""
    return [_marker_key(parameters)]


def _marker_key(parameters: dict[str, str]) -> Key | None:
    name = parameters.get("username", "")
    return keys.username(name) if 0 < len(name) <= MAX_USERNAME else None


def grant(request: TokenRequest) -> dict[str, Any]:
    """Give tokens to whoever knows the password.

    :raises InvalidRequestError: username or password is missing.
    :raises InvalidGrantError: unknown user, wrong password or disabled user: the same bytes, and as slow.
    :raises TooManyRequestsError: the account or the address failed too often, right or wrong.
    """
    call, parameters = request.call, request.parameters
    if "username" not in parameters or "password" not in parameters:
        raise InvalidRequestError("username and password are needed.")
    scopes = granted_scopes(request.client, parameters.get("scope"))
    user, account = _find(call, parameters)
    matches = verify_password(parameters["password"], user.password_hash if user else None)
    if user is None or not matches or not user.is_active:
        attempts.record_failure(call, [account, attempts.address(call)])
        raise InvalidGrantError
    answer = _sign_in(request, user, scopes, account)
    _upgrade_hash(user, parameters["password"])
    return answer


def _find(call: Call, parameters: dict[str, str]) -> tuple[User | None, str]:
    """Read the user and the account's failures; unknown names take the same way."""
    marker_key = _marker_key(parameters)
    marker = call.items.get(marker_key) if marker_key else None
    user_id = marker.user_id if isinstance(marker, UniqueName) else None
    account = attempts.account(user_id, parameters["username"])
    key = keys.user(user_id or NOBODY)
    call.items |= get_many([key, attempts.failures_key(account, call.settings)])
    attempts.check_attempts(call, [account])
    user = call.items.get(key)
    return (user if isinstance(user, User) else None), account


def _sign_in(request: TokenRequest, user: User, scopes: frozenset[str], account: str) -> dict[str, Any]:
    settings = request.call.settings
    transaction = Transaction()
    attempts.require_under_limit(transaction, account, settings)
    token, family = None, None
    if refresh_token.NAME in request.client.grant_types:
        scope = " ".join(sorted(scopes))
        first = start_family(transaction, settings, user, request.client.client_id, scope)
        token, family = first.text, first.family_id
    access_token = sign_access_token(request, user, scopes, family=family)
    attempts.commit(transaction, settings)
    return token_response(request, access_token, scopes, token)


def _upgrade_hash(user: User, password: str) -> None:
    """Replace a hash of weaker parameters; should that fail, the next sign-in does it.

    The tokens are written by now: an error here would lose them.
    """
    if not needs_rehash(user.password_hash):
        return
    transaction = Transaction()
    transaction.change("user", user, {"password_hash": hash_password(password)})
    try:
        transaction.commit()
    except (ConditionFailedError, ServiceUnavailableError):
        return
