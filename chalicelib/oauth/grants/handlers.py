"""The token endpoint (RFC 6749 §3.2)."""

from chalicelib.errors import TooManyRequestsError
from chalicelib.oauth.clients.authenticate import authenticate_client
from chalicelib.oauth.errors import (
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
    UnsupportedGrantTypeError,
)
from chalicelib.oauth.form import CLIENT_AUTHENTICATION, oauth_json, read_credentials, read_parameters
from chalicelib.oauth.grant_types import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, PASSWORD, REFRESH_TOKEN
from chalicelib.oauth.grants import authorization_code, client_credentials, password, refresh_token
from chalicelib.oauth.grants.grant import Grant, TokenRequest
from chalicelib.oauth.grants.schemas import TokenFormSchema, TokenSchema
from chalicelib.telemetry.measure import note
from chalicelib.users.sign_in import SIGN_INS
from chalicelib.web.access import Access
from chalicelib.web.call import Call
from chalicelib.web.operation import Docs, Operation, Reply, Takes

GRANTS: dict[str, Grant] = {
    AUTHORIZATION_CODE: authorization_code,
    CLIENT_CREDENTIALS: client_credentials,
    PASSWORD: password,
    REFRESH_TOKEN: refresh_token,
}
NOT_CACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 §5.1


@Operation(
    access=Access(CLIENT_AUTHENTICATION),
    takes=Takes(body=TokenFormSchema, parse=read_parameters),
    gives=oauth_json(TokenSchema),
    docs=Docs(
        problems=(
            InvalidRequestError,
            InvalidClientError,
            InvalidGrantError,
            InvalidScopeError,
            UnauthorizedClientError,
            UnsupportedGrantTypeError,
            TooManyRequestsError,
        ),
        limits={"sign-ins of an account": SIGN_INS, "refreshes of a sign-in": refresh_token.REFRESHES},
        if_unsure=None,
    ),
)
def create_token(call: Call) -> Reply:
    """Exchange a grant for tokens: authorization_code, client_credentials, password or refresh_token."""
    grant_type = call.body["grant_type"]
    if grant_type not in GRANTS:
        raise UnsupportedGrantTypeError
    note(grant_type=grant_type)
    grant = GRANTS[grant_type]
    credentials = read_credentials(call.request, call.body)
    client = authenticate_client(call.context, credentials, grant.reads(call.body))
    if grant_type not in client.grant_types:
        raise UnauthorizedClientError
    request = TokenRequest(call.context, call.request.base_url, call.body, client)
    return Reply(grant.grant(request), headers=dict(NOT_CACHED))
