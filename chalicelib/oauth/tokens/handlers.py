"""Token revocation (RFC 7009) and introspection (RFC 7662)."""

from marshmallow import Schema, fields, validate

from chalicelib.errors import TooManyRequestsError
from chalicelib.oauth.clients.authenticate import client_refusal
from chalicelib.oauth.clients.models import CONFIDENTIAL
from chalicelib.oauth.errors import InvalidClientError, InvalidRequestError
from chalicelib.oauth.form import (
    CLIENT_AUTHENTICATION,
    OPTIONAL,
    OAuthFormSchema,
    client_id,
    client_of,
    oauth_json,
    read_parameters,
    secret,
    uri,
)
from chalicelib.oauth.tokens import actions
from chalicelib.scopes import MAX_SCOPE, NQSCHAR
from chalicelib.users.schemas import USERNAME_SHAPE
from chalicelib.web.access import Access
from chalicelib.web.call import Call
from chalicelib.web.fields import EXAMPLE_ID, IDS, pattern_metadata, text_metadata
from chalicelib.web.form import MAX_VALUE
from chalicelib.web.operation import Docs, Operation, Reply, Takes

MAX_TIME = 253_402_300_799  # the end of the year 9999, in seconds since 1970
DOCS = Docs(problems=(InvalidRequestError, InvalidClientError, TooManyRequestsError), if_unsure=None)


class RevocationFormSchema(OAuthFormSchema):
    """Which token is to end (RFC 7009 §2.1)."""

    token = fields.String(
        required=True, metadata=secret("An access or refresh token.", minLength=1, example="the token")
    )
    token_type_hint = fields.String(
        metadata={"description": "Not needed, and ignored.", "maxLength": MAX_VALUE}
    )


class RevocationSchema(Schema):
    """Nothing: whether there was such a token is not told."""


class IntrospectionFormSchema(RevocationFormSchema):
    """Which token is asked about (RFC 7662 §2.1)."""

    client_id = client_id("service")


class IntrospectionSchema(Schema):
    """The state of a token (RFC 7662 §2.2); an inactive one has no other members."""

    active = fields.Boolean(required=True, metadata={"example": True})
    scope = fields.String(
        metadata=pattern_metadata(NQSCHAR, MAX_SCOPE, example="teams:read users:read", optional=True)
    )
    client_id = fields.String(metadata={**IDS["client_id"], **OPTIONAL})
    username = fields.String(metadata={**USERNAME_SHAPE, "example": "ada", **OPTIONAL})
    token_type = fields.String(
        validate=validate.OneOf(("Bearer",)), metadata={**OPTIONAL, "description": "Of access tokens."}
    )
    exp = fields.Integer(
        validate=validate.Range(0, MAX_TIME),
        metadata={**OPTIONAL, "description": "Seconds since 1970.", "format": "int64", "example": 1769860800},
    )
    sub = fields.String(metadata=text_metadata(64, example=EXAMPLE_ID, optional=True))
    aud = fields.String(metadata={**uri(), **OPTIONAL})
    iss = fields.String(metadata={**uri(), **OPTIONAL})
    jti = fields.String(metadata=text_metadata(64, example="01CNTY4HQ5XKYWQJ6GR2MRFZNC", optional=True))


@Operation(
    access=Access(CLIENT_AUTHENTICATION),
    takes=Takes(body=RevocationFormSchema, parse=read_parameters),
    gives=oauth_json(RevocationSchema),
    docs=DOCS,
)
def revoke_token(call: Call) -> Reply:
    """Revoke an access or refresh token of the calling client (RFC 7009); the hint is not needed."""
    token = actions.parse_token(call.context, call.request.base_url, call.body["token"])
    client = client_of(call, actions.revocation_keys(token))
    actions.revoke(call.context, client, token)
    return Reply()


@Operation(
    access=Access(CLIENT_AUTHENTICATION),
    takes=Takes(body=IntrospectionFormSchema, parse=read_parameters),
    gives=oauth_json(IntrospectionSchema),
    docs=DOCS,
)
def introspect_token(call: Call) -> Reply:
    """Describe a token to the confidential client that it was issued to (RFC 7662)."""
    issuer = call.request.base_url
    token = actions.parse_token(call.context, issuer, call.body["token"])
    client = client_of(call, actions.introspection_keys(token))
    if client.client_type != CONFIDENTIAL:
        raise client_refusal(call.context, client, "introspection", "public client")
    return Reply(actions.introspect(call.context, issuer, client, token))
