"""Schema fields that several OAuth2 endpoints share."""

from typing import Any

from marshmallow import fields, validate

from chalicelib.oauth.redirect_uris import MAX_URI
from chalicelib.web.fields import IDS
from chalicelib.web.form import MAX_VALUE

URI = {"format": "uri", "maxLength": MAX_URI}
OPTIONAL = {"optional": True}
WHOSE = "The username or the email address; blanks around it are ignored."


def uri(path: str = "") -> dict[str, Any]:
    """Return the metadata of a URI of this server.

    :param path: of the example.
    """
    return {**URI, "example": f"https://api.test{path}"}


def secret(description: str, **more: Any) -> dict[str, Any]:
    """Return the metadata of a text that documentation pages hide."""
    return {"description": description, "maxLength": MAX_VALUE, "format": "password", **more}


def client_id(example: str) -> fields.String:
    """Return the field of a client's id in a form."""
    told = {"description": "Unless it is sent by HTTP Basic.", "example": example}
    return fields.String(metadata={**IDS["client_id"], **told})


def client_secret() -> fields.String:
    """Return the field of a client's secret in a form."""
    return fields.String(metadata=secret("Of confidential clients."))


def token() -> fields.String:
    """Return the field of a token that something is asked or demanded of."""
    words = "An access or refresh token."
    return fields.String(required=True, metadata=secret(words, minLength=1, example="the token"))


def token_type_hint() -> fields.String:
    """Return the field of RFC 7009 and RFC 7662 that says what kind of token it may be."""
    return fields.String(metadata={"description": "Not needed, and ignored.", "maxLength": MAX_VALUE})


def some_of(names: tuple[str, ...]) -> "fields.List[Any]":
    """Return the field of a list that holds some of these names."""
    element = fields.String(validate=validate.OneOf(names))
    return fields.List(element, validate=validate.Length(max=len(names)))
