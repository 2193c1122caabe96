"""The form of errors at the OAuth2 endpoints (RFC 6749 §5.2)."""

import json

from marshmallow import Schema, fields, validate

from chalicelib.errors import ApiError
from chalicelib.oauth.errors import OAuthError
from chalicelib.scopes import NQSCHAR
from chalicelib.web.fields import pattern_metadata
from chalicelib.web.media import JSON
from chalicelib.web.operation import Gives, Reply
from chalicelib.web.request import Request

# RFC 6749 has no codes of its own for these at the token endpoint; §4.1.2.1 lends two.
LENT_CODES = {429: "temporarily_unavailable", 500: "server_error", 503: "temporarily_unavailable"}
CODES = tuple(sorted({kind.code for kind in OAuthError.__subclasses__()} | set(LENT_CODES.values())))


class OAuthErrorSchema(Schema):
    """A refusal (RFC 6749 §5.2)."""

    error = fields.String(
        required=True, validate=validate.OneOf(CODES), metadata={"example": "invalid_grant"}
    )
    error_description = fields.String(
        metadata=pattern_metadata(
            NQSCHAR,
            1024,
            description="For the client's developer.",
            example="The refresh token is not valid.",
        )
    )


def render_oauth_error(_: Request, error: ApiError) -> Reply:
    """Render any error that happens at an OAuth2 endpoint."""
    code = error.code if isinstance(error, OAuthError) else LENT_CODES.get(error.status, "invalid_request")
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache", **error.headers}
    text = json.dumps({"error": code, "error_description": error.detail}, ensure_ascii=False)
    return Reply(text, JSON, headers, error.status)


def oauth_json(schema: type[Schema]) -> Gives:
    """Declare an answer of the OAuth2 endpoints."""
    return Gives(schema, errors=render_oauth_error, error_schema=OAuthErrorSchema)
