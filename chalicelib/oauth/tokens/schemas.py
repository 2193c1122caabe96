"""What goes in and out of revocation (RFC 7009) and introspection (RFC 7662)."""

from marshmallow import Schema, fields, validate

from chalicelib.oauth.fields import OPTIONAL, client_id, client_secret, token, token_type_hint, uri
from chalicelib.oauth.form import OAuthFormSchema
from chalicelib.scopes import MAX_SCOPE, NQSCHAR
from chalicelib.users.schemas import USERNAME_SHAPE
from chalicelib.web.fields import EXAMPLE_ID, IDS, pattern_metadata, text_metadata

MAX_TIME = 253_402_300_799  # the end of the year 9999, in seconds since 1970


class RevocationFormSchema(OAuthFormSchema):
    """Which token is to end (RFC 7009 §2.1)."""

    token = token()
    token_type_hint = token_type_hint()
    client_id = client_id("documentation")
    client_secret = client_secret()


class RevocationSchema(Schema):
    """Nothing: whether there was such a token is not told."""


class IntrospectionFormSchema(OAuthFormSchema):
    """Which token is asked about (RFC 7662 §2.1)."""

    token = token()
    token_type_hint = token_type_hint()
    client_id = client_id("service")
    client_secret = client_secret()


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
