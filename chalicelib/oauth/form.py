"""What clients send to the OAuth2 endpoints, and the form of errors there (RFC 6749 §2.3, §3.2, §5.2)."""

import base64
import binascii
import json
from collections.abc import Iterable
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from marshmallow import Schema, ValidationError, fields, validate

from chalicelib.db.keys import Key
from chalicelib.errors import ApiError
from chalicelib.oauth.clients.authenticate import ClientCredentials, authenticate_client
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.errors import InvalidClientError, InvalidRequestError, OAuthError
from chalicelib.oauth.redirect_uris import MAX_URI
from chalicelib.scopes import NQSCHAR
from chalicelib.web.access import Permission
from chalicelib.web.call import Call, Request
from chalicelib.web.fields import IDS, pattern_metadata
from chalicelib.web.form import MAX_VALUE, FormSchema, read_form
from chalicelib.web.media import JSON
from chalicelib.web.operation import Gives, Reply

SENSITIVE = ("client_secret", "password", "refresh_token", "code", "code_verifier", "token", "grant_type")
# Their handlers check the client itself.
CLIENT_AUTHENTICATION = Permission("OAuth2 client", lambda _: True, public=True)
# RFC 6749 has no codes of its own for these at the token endpoint; §4.1.2.1 lends two.
LENT_CODES = {429: "temporarily_unavailable", 500: "server_error", 503: "temporarily_unavailable"}
CODES = tuple(sorted({kind.code for kind in OAuthError.__subclasses__()} | set(LENT_CODES.values())))
URI = {"format": "uri", "maxLength": MAX_URI}
OPTIONAL = {"optional": True}


def uri(path: str = "") -> dict[str, Any]:
    """Return the metadata of a URI of this server, with this path in the example."""
    return {**URI, "example": f"https://api.test{path}"}


def secret(description: str, **more: Any) -> dict[str, Any]:
    """Return the metadata of a text that documentation pages hide."""
    return {"description": description, "maxLength": MAX_VALUE, "format": "password", **more}


def client_id(example: str) -> fields.String:
    """Return the field of a client's id in a form."""
    described = {"description": "Unless it is sent by HTTP Basic.", "example": example}
    return fields.String(metadata={**IDS["client_id"], **described})


class OAuthFormSchema(FormSchema):
    """What each OAuth2 request has; unrecognized parameters are ignored (RFC 6749 §3.2)."""

    client_id = client_id("documentation")
    client_secret = fields.String(metadata=secret("Of confidential clients."))

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **_: Any) -> NoReturn:
        """Refuse a request in the words of RFC 6749 §5.2."""
        raise InvalidRequestError(f"Needed: {', '.join(error.messages_dict)}.") from error


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


def read_parameters(request: Request) -> dict[str, str]:
    """Read the form of a client: one value a name, empty ones count as omitted.

    :raises InvalidRequestError: there are secrets in the URL.
    :raises MalformedRequestError: another content type, a repeated name or bad encoding.
    """
    if any(name in request.query for name in SENSITIVE):
        raise InvalidRequestError("Send parameters in the body, never in the URL.")
    return {name: value for name, value in read_form(request).items() if value}


def client_of(call: Call, more: Iterable[Key | None]) -> OAuth2Client:
    """Return the authenticated client of a request; `more` is read with it."""
    return authenticate_client(call.context, read_credentials(call.request, call.body), more)


def read_credentials(request: Request, parameters: dict[str, str]) -> ClientCredentials:
    """Return the client's authentication: HTTP Basic or the form, not both.

    :raises InvalidClientError: there is none, or it cannot be read.
    :raises InvalidRequestError: there are two.
    """
    header = request.headers.get("authorization")
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    if header is None:
        if not client_id:
            raise InvalidClientError("Send the client's credentials by HTTP Basic or in the form.")
        return ClientCredentials(client_id, secret)
    basic = _basic(header)
    if secret or (client_id and client_id != basic.client_id):
        raise InvalidRequestError("Send the client's credentials once: by HTTP Basic or in the form.")
    return basic


def _basic(header: str) -> ClientCredentials:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClientError
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        client_id, colon, secret = decoded.partition(":")
        plain = [unquote_to_bytes(part.replace("+", " ")).decode("utf-8") for part in (client_id, secret)]
    except (binascii.Error, ValueError) as error:
        raise InvalidClientError from error
    if not colon or not plain[0]:
        raise InvalidClientError
    # An empty secret is how tools send a public client's id by Basic.
    return ClientCredentials(plain[0], plain[1] or None)
