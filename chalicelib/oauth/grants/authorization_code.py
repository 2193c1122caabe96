"""The authorization code grant (RFC 6749 §4.1.3) with PKCE (RFC 7636)."""

import time
from typing import Any

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.oauth.authorize.models import AuthorizationCode, parse_code, require_consent
from chalicelib.oauth.clients.models import REFRESH_TOKEN
from chalicelib.oauth.clients.standing import allowed_scopes, granted_scopes, require_owner
from chalicelib.oauth.errors import InvalidGrantError, InvalidRequestError
from chalicelib.oauth.grants.grant import TokenRequest, require_signed_in, reuse, token_response
from chalicelib.oauth.tokens.families import is_of, start_family
from chalicelib.telemetry.measure import count


def reads(parameters: dict[str, str]) -> list[Key | None]:
    """Return the keys of the code and of the user who signed in for it."""
    parsed = parse_code(parameters.get("code", ""))
    return [parsed[1], keys.user(parsed[0])] if parsed else []


def grant(request: TokenRequest) -> dict[str, Any]:
    """Exchange an authorization code for tokens, once.

    :raises InvalidGrantError: the code is unknown, expired, another client's, of another redirect URI or
        verifier, or was used before; then what it was exchanged for dies.
    :raises InvalidScopeError: the client has lost every scope that the person allowed.
    """
    context, client = request.context, request.client
    if "code" not in request.parameters or "code_verifier" not in request.parameters:
        raise InvalidRequestError("code and code_verifier are needed.")
    code = _code(request)
    user = require_signed_in(context, code)
    allowed = allowed_scopes(client, require_owner(context, client))
    scopes = granted_scopes(allowed.intersection(code.scope.split()), None)
    context.if_unsure = "Start the authorization over: the code may have been used up."
    context.work.change(code, {"is_used": True})
    require_consent(context.work, user.id, client.client_id, code.consent_id, otherwise=InvalidGrantError())
    # Without refresh tokens, too: the family is what a second use of the code ends.
    family, token = start_family(context, user, client, scopes, code)
    refresh_token = token if REFRESH_TOKEN in client.grant_types else None
    return token_response(request, user, scopes, family=family, refresh_token=refresh_token)


def _code(request: TokenRequest) -> AuthorizationCode:
    context, parsed = request.context, parse_code(request.parameters["code"])
    code = context.find(AuthorizationCode, parsed[1] if parsed else None)
    if code is None or not is_of(code, request.client):
        raise InvalidGrantError
    if not _is_same_uri(request, code) or not code.is_verified_by(request.parameters["code_verifier"]):
        raise InvalidGrantError
    if code.is_used:
        # RFC 6749 §4.1.2: one of the two who had it is a thief, and it is unknown which. Who lacks the
        # verifier could never have used it, and may not sign anybody out.
        count("token_reuses")
        raise reuse(context, "code_reuse", code)
    if time.time() >= code.valid_until:
        raise InvalidGrantError
    return code


def _is_same_uri(request: TokenRequest, code: AuthorizationCode) -> bool:
    # RFC 6749 §4.1.3: needed here if the authorization request named it
    assumed = "" if code.redirect_uri_was_given else code.redirect_uri
    return request.parameters.get("redirect_uri", assumed) == code.redirect_uri
