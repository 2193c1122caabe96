"""What goes into the authorization endpoint (RFC 6749 §4.1.1, RFC 7636 §4.3), and comes from its pages."""

import re

from marshmallow import Schema, fields, validate

from chalicelib.db.keys import MAX_EMAIL
from chalicelib.oauth.fields import URI, WHOSE, secret
from chalicelib.scopes import NQSCHAR
from chalicelib.web.fields import IDS, pattern_metadata, text_metadata
from chalicelib.web.form import MAX_VALUE, FormSchema

BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
CHALLENGE = re.compile(r"[\w-]{43}", re.ASCII)  # SHA-256 in base64url (RFC 7636 §4.2)
CHALLENGE_METHOD = "S256"
MAX_PARAMETER = 2048  # characters


class AuthorizationQuery(Schema):
    """What a client asks of a person (RFC 6749 §4.1.1, RFC 7636 §4.3)."""

    response_type = fields.String(validate=validate.OneOf(("code",)), metadata={"example": "code"})
    response_mode = fields.String(
        validate=validate.OneOf(("query",)), metadata={"description": "By default query.", "example": "query"}
    )
    client_id = fields.String(metadata={**IDS["client_id"], "example": "documentation"})
    redirect_uri = fields.String(
        metadata={**URI, "description": "Exactly one of the client's; may be left out if it has but one."}
    )
    scope = fields.String(
        metadata=pattern_metadata(NQSCHAR, MAX_PARAMETER, description="By default all that the client has.")
    )
    state = fields.String(metadata={"maxLength": MAX_PARAMETER, "description": "Comes back as it is."})
    code_challenge = fields.String(
        metadata=pattern_metadata(CHALLENGE, 43, description="SHA-256 of the code_verifier, in base64url.")
    )
    code_challenge_method = fields.String(validate=validate.OneOf(("S256",)), metadata={"example": "S256"})


class AuthorizationFormSchema(FormSchema):
    """What the pages of the authorization endpoint send."""

    ticket = fields.String(
        metadata=pattern_metadata(
            BASE64URL, MAX_VALUE, description="Ties the form to browser and request.", example="c2VhbGVk"
        )
    )
    username = fields.String(metadata=text_metadata(MAX_EMAIL, description=WHOSE, example="ada"))
    password = fields.String(metadata=secret("Theirs."))
    decision = fields.String(metadata={"enum": ["sign_in", "allow"], "example": "sign_in"})
