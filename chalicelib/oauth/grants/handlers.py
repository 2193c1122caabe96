"""The token endpoint (RFC 6749 §3.2)."""

import re

from marshmallow import Schema, fields, validate

from chalicelib.db.keys import MAX_EMAIL
from chalicelib.errors import TooManyRequestsError
from chalicelib.oauth import errors
from chalicelib.oauth.clients.models import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    GRANT_TYPES,
    PASSWORD,
    REFRESH_TOKEN,
)
from chalicelib.oauth.clients.schemas import EXAMPLE_SECRET
from chalicelib.oauth.form import (
    CLIENT_AUTHENTICATION,
    OAuthFormSchema,
    client_of,
    oauth_json,
    read_parameters,
    secret,
)
from chalicelib.oauth.grants import authorization_code, client_credentials, password, refresh_token
from chalicelib.oauth.grants.grant import Grant, TokenRequest
from chalicelib.oauth.tokens import families
from chalicelib.scopes import MAX_SCOPE, NQSCHAR
from chalicelib.telemetry.measure import note
from chalicelib.users.schemas import WHOSE
from chalicelib.users.sign_in import SIGN_INS
from chalicelib.web.access import Access
from chalicelib.web.call import Call
from chalicelib.web.fields import EXAMPLE_ID, pattern_metadata, text_metadata
from chalicelib.web.form import MAX_VALUE
from chalicelib.web.operation import Docs, Operation, Reply, Takes

JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")  # signed (RFC 7515 §7.1)
GRANTS: dict[str, Grant] = {
    AUTHORIZATION_CODE: authorization_code,
    CLIENT_CREDENTIALS: client_credentials,
    PASSWORD: password,
    REFRESH_TOKEN: refresh_token,
}


class TokenFormSchema(OAuthFormSchema):
    """What the token endpoint is asked with; which of it is needed, the grant decides."""

    grant_type = fields.String(required=True, metadata={"enum": list(GRANT_TYPES), "example": "password"})
    username = fields.String(
        metadata=text_metadata(MAX_EMAIL, description=f"password: {WHOSE}", example="ada")
    )
    password = fields.String(metadata=secret("password: theirs.", example="analytical engine"))
    refresh_token = fields.String(metadata=secret("refresh_token: the last one you got."))
    code = fields.String(metadata=secret("authorization_code: as it came to the redirect URI."))
    redirect_uri = fields.String(
        metadata={
            "description": "authorization_code: the one of the authorization request.",
            "maxLength": MAX_VALUE,
        }
    )
    code_verifier = fields.String(
        metadata=secret("authorization_code: what the code_challenge was made of (RFC 7636).")
    )
    scope = fields.String(
        metadata=pattern_metadata(
            NQSCHAR,
            MAX_VALUE,
            description="Scopes with blanks between them; by default all that the client has.",
            example="teams:read users:read",
        )
    )


class TokenSchema(Schema):
    """Tokens (RFC 6749 §5.1)."""

    access_token = fields.String(
        metadata=pattern_metadata(
            JWT,
            MAX_VALUE,
            description="A JWT (RFC 9068).",
            example="eyJ0eXAiOiJhdCtqd3QifQ.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl",
        )
    )
    token_type = fields.String(validate=validate.OneOf(("Bearer",)))
    expires_in = fields.Integer(
        validate=validate.Range(1, 86400), metadata={"description": "Seconds.", "example": 3600}
    )
    scope = fields.String(metadata=pattern_metadata(NQSCHAR, MAX_SCOPE, example="users:read users:write"))
    refresh_token = fields.String(
        metadata=pattern_metadata(
            families.SHAPE,
            families.LENGTH,
            description="Works once; client_credentials gives none.",
            example=f"{EXAMPLE_ID}.{EXAMPLE_ID}.{EXAMPLE_SECRET}",
            optional=True,
        )
    )


@Operation(
    access=Access(CLIENT_AUTHENTICATION),
    takes=Takes(body=TokenFormSchema, parse=read_parameters),
    gives=oauth_json(TokenSchema),
    docs=Docs(
        problems=(
            errors.InvalidRequestError,
            errors.InvalidClientError,
            errors.InvalidGrantError,
            errors.InvalidScopeError,
            errors.UnauthorizedClientError,
            errors.UnsupportedGrantTypeError,
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
        raise errors.UnsupportedGrantTypeError
    note(grant_type=grant_type)
    grant = GRANTS[grant_type]
    client = client_of(call, grant.reads(call.body))
    if grant_type not in client.grant_types:
        raise errors.UnauthorizedClientError
    request = TokenRequest(call.context, call.request.base_url, call.body, client)
    return Reply(grant.grant(request), headers={"Pragma": "no-cache"})  # RFC 6749 §5.1
