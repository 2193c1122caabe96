"""The token endpoint, token revocation and introspection."""

import time

from chalicelib.audit.trail import record
from chalicelib.db import keys
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.errors import InvalidTokenError, TooManyRequestsError
from chalicelib.oauth.clients import authenticate_client, refuse_client
from chalicelib.oauth.errors import (
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
    UnsupportedGrantTypeError,
    render_oauth_error,
)
from chalicelib.oauth.families import (
    RefreshToken,
    is_current,
    parse_refresh_token,
    revoke_family,
    was_used,
)
from chalicelib.oauth.form import read_parameters
from chalicelib.oauth.grants import (
    authorization_code,
    client_credentials,
    names,
    password,
    refresh_token,
)
from chalicelib.oauth.grants.grant import TokenRequest
from chalicelib.oauth.introspection import introspect, read_subject
from chalicelib.oauth.models import CONFIDENTIAL, OAuth2Client, RevokedToken, TokenFamily
from chalicelib.oauth.permissions import CLIENT_AUTHENTICATION
from chalicelib.oauth.protocol_schemas import (
    IntrospectionFormSchema,
    IntrospectionSchema,
    OAuthErrorSchema,
    RevocationFormSchema,
    RevocationSchema,
    TokenFormSchema,
    TokenSchema,
)
from chalicelib.security.tokens import LEEWAY, Claims, verify
from chalicelib.telemetry.measure import count, note
from chalicelib.users.sign_in import SIGN_INS
from chalicelib.web.operation import Call, Operation, Reply

GRANTS = {
    names.AUTHORIZATION_CODE: authorization_code,
    names.CLIENT_CREDENTIALS: client_credentials,
    names.PASSWORD: password,
    names.REFRESH_TOKEN: refresh_token,
}
NOT_CACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 §5.1


@Operation(
    permission=CLIENT_AUTHENTICATION,
    form=TokenFormSchema,
    response=TokenSchema,
    render_error=render_oauth_error,
    error=OAuthErrorSchema,
    if_unsure=None,
    own_limits={"sign-ins of an account": SIGN_INS, "refreshes of a sign-in": refresh_token.REFRESHES},
    problems=(
        InvalidRequestError,
        InvalidClientError,
        InvalidGrantError,
        InvalidScopeError,
        UnauthorizedClientError,
        UnsupportedGrantTypeError,
        TooManyRequestsError,
    ),
)
def create_token(call: Call) -> Reply:
    """Exchange a grant for tokens: authorization_code, client_credentials, password or refresh_token."""
    parameters = read_parameters(call.request)
    name = parameters.get("grant_type")
    if name is None:
        raise InvalidRequestError("grant_type is needed.")
    if name not in GRANTS:
        raise UnsupportedGrantTypeError
    note(grant_type=name)
    client = authenticate_client(call, parameters, *GRANTS[name].needs(parameters))
    if name not in client.grant_types:
        raise UnauthorizedClientError
    return Reply(GRANTS[name].grant(TokenRequest(call, parameters, client)), headers=dict(NOT_CACHED))


@Operation(
    permission=CLIENT_AUTHENTICATION,
    form=RevocationFormSchema,
    response=RevocationSchema,
    render_error=render_oauth_error,
    error=OAuthErrorSchema,
    if_unsure=None,
    problems=(InvalidRequestError, InvalidClientError, TooManyRequestsError),
)
def revoke_token(call: Call) -> Reply:
    """Revoke an access or refresh token of the calling client (RFC 7009); the hint is not needed."""
    parameters = read_parameters(call.request)
    text = parameters.get("token", "")
    token = parse_refresh_token(text)
    more = [token.family_key, token.used_key] if token else []
    client = authenticate_client(call, parameters, *more)
    if not text:
        raise InvalidRequestError("token is needed.")
    if token:
        _revoke_refresh_token(call, client, token)
    else:
        _revoke_access_token(call, client, text)
    return Reply()


@Operation(
    permission=CLIENT_AUTHENTICATION,
    form=IntrospectionFormSchema,
    response=IntrospectionSchema,
    render_error=render_oauth_error,
    error=OAuthErrorSchema,
    if_unsure=None,
    problems=(InvalidRequestError, InvalidClientError, TooManyRequestsError),
)
def introspect_token(call: Call) -> Reply:
    """Tell a confidential client what a token of its own is worth (RFC 7662)."""
    parameters = read_parameters(call.request)
    subject = read_subject(call, parameters.get("token", ""))
    client = authenticate_client(call, parameters, *subject.keys)
    if client.client_type != CONFIDENTIAL:
        refuse_client(call, client, "introspection", "public client")
    if "token" not in parameters:
        raise InvalidRequestError("token is needed.")
    return Reply(introspect(call, client, subject))


def _revoke_refresh_token(call: Call, client: OAuth2Client, token: RefreshToken) -> None:
    family = call.items.get(token.family_key)
    if not isinstance(family, TokenFamily) or family.client_id != client.client_id:
        return
    if is_current(family, token) or was_used(call, token):
        transaction = _revocation(call, client, family.user_id, "refresh_token")
        revoke_family(token.family_key, transaction)


def _revoke_access_token(call: Call, client: OAuth2Client, text: str) -> None:
    try:
        claims = verify(call.keyring, call.request.base_url, text)
    except InvalidTokenError:
        return  # RFC 7009 §2.2: what is no token of ours needs no revocation
    if claims.client_id == client.client_id:
        deny(claims, _revocation(call, client, claims.owner, "access_token"))


def _revocation(call: Call, client: OAuth2Client, user_id: str, kind: str) -> Transaction:
    transaction, client_id, details = Transaction(), client.client_id, {"token_type": kind}
    count("tokens_revoked")
    record(transaction, call, "token_revocation", user_id=user_id, client_id=client_id, details=details)
    return transaction


def deny(claims: Claims, transaction: Transaction) -> None:
    """Put an access token on the denylist until it expires by itself; twice does no harm.

    :param transaction: what is to be written with it; it is not, if the token was there before.
    """
    expires = max(claims.exp, int(time.time())) + LEEWAY + 1
    transaction.put("revoked", RevokedToken.at(keys.revoked_token(claims.jti), expires_at=expires))
    try:
        transaction.commit()
    except ConditionFailedError:
        return
