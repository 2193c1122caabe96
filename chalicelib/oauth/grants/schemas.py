"""What goes in and out of the token endpoint (RFC 6749 §4, §5)."""

import re

from marshmallow import Schema, fields, validate

from chalicelib.db.keys import MAX_EMAIL
from chalicelib.oauth.clients.schemas import EXAMPLE_SECRET
from chalicelib.oauth.fields import WHOSE, client_id, client_secret, secret
from chalicelib.oauth.form import OAuthFormSchema
from chalicelib.oauth.grant_types import GRANT_TYPES
from chalicelib.oauth.tokens import families
from chalicelib.scopes import MAX_SCOPE, NQSCHAR
from chalicelib.web.fields import EXAMPLE_ID, pattern_metadata, text_metadata
from chalicelib.web.form import MAX_VALUE

JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")  # signed (RFC 7515 §7.1)


class TokenFormSchema(OAuthFormSchema):
    """What the token endpoint is asked with; which of it is needed, the grant decides."""

    grant_type = fields.String(required=True, metadata={"enum": list(GRANT_TYPES), "example": "password"})
    client_id = client_id("documentation")
    client_secret = client_secret()
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
