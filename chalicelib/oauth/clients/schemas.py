"""OAuth2 clients as JSON."""

import re

from marshmallow import Schema, ValidationError, fields, validate

from chalicelib.oauth.clients.models import CONFIDENTIAL, GRANT_TYPES, PUBLIC_CLIENT
from chalicelib.oauth.redirect_uris import MAX_URI, validate_redirect_uri
from chalicelib.scopes import MAX_SCOPE, SCOPE_NAME, SCOPES
from chalicelib.web.fields import ID, IDS, Array, Flag, ItemId, Moment, Text, pattern_metadata
from chalicelib.web.pagination import ListQuery

MAX_URIS = 20
MAX_OVERLAP = 86_400  # seconds
MAX_CLIENT_NAME = 80  # characters
SECRET = re.compile("[A-Za-z0-9_-]{43}")
EXAMPLE_SECRET = "dGhpcyBpcyBhbiBleGFtcGxlLCBub3QgYSBzZWNyZXQ"  # noqa: S105 - it says so itself
CLIENT_TYPES = (CONFIDENTIAL, PUBLIC_CLIENT)


def validate_no_doubles(values: list[str]) -> None:
    """Refuse a list that names something twice."""
    if len(set(values)) < len(values):
        raise ValidationError("Must not name anything twice.")


def _names(allowed: tuple[str, ...], example: list[str]) -> Array:
    known = ", ".join(allowed)
    element = fields.String(validate=validate.OneOf(allowed, error=f"Must be one of {known}."))
    metadata = {"example": example, "uniqueItems": True}
    return Array(element, max_items=len(allowed), validate=validate_no_doubles, metadata=metadata)


def scope_names() -> Array:
    """Return the field of a list of scopes in an answer: with an enum, clients would refuse new ones."""
    element = fields.String(metadata=pattern_metadata(SCOPE_NAME, MAX_SCOPE))
    metadata = {"uniqueItems": True, "example": ["teams:read"]}
    return Array(element, max_items=MAX_SCOPE, metadata=metadata)


class ClientFieldsSchema(Schema):
    """What is decided when a client is registered."""

    client_name = Text(
        max_length=MAX_CLIENT_NAME,
        metadata={"description": "What people see it as.", "example": "Team Planner"},
    )
    redirect_uris = Array(
        fields.String(
            validate=validate_redirect_uri, metadata={"format": "uri", "minLength": 1, "maxLength": MAX_URI}
        ),
        max_items=MAX_URIS,
        validate=validate_no_doubles,
        metadata={"example": ["https://app.test/callback"], "uniqueItems": True},
    )
    default_scopes = _names(tuple(SCOPES), ["teams:read"])
    grant_types = _names(GRANT_TYPES, ["authorization_code", "refresh_token"])


class ClientChangesSchema(ClientFieldsSchema):
    """What a PATCH may change."""

    is_active = Flag()


class ClientRegistrationInputSchema(ClientFieldsSchema):
    """A new client."""

    client_type = fields.String(load_default=CONFIDENTIAL, validate=validate.OneOf(CLIENT_TYPES))


class ClientRegistrationSchema(ClientFieldsSchema):
    """A client; its secret is shown once, when it is made."""

    default_scopes = scope_names()
    client_id = fields.String(metadata=IDS["client_id"])
    user_id = ItemId("user_id")
    client_type = fields.String(validate=validate.OneOf(CLIENT_TYPES))
    is_active = Flag(metadata={"description": "false while an admin suspends it."})
    created = Moment()
    updated = Moment()


class ClientRegistrationWithSecretSchema(ClientRegistrationSchema):
    """A client with the secret that was just made for it; public clients have none."""

    client_secret = fields.String(
        allow_none=True,
        metadata=pattern_metadata(SECRET, 43, description="null for public clients.", example=EXAMPLE_SECRET),
    )


class SecretRotationQuery(Schema):
    """What becomes of the secret before."""

    overlap = fields.Integer(
        strict=True,
        load_default=MAX_OVERLAP,
        validate=validate.Range(0, MAX_OVERLAP, error=f"Must be between 0 and {MAX_OVERLAP}."),
        metadata={
            "description": "How many seconds it stays valid, so that services can change over. "
            "0 ends it at once, if somebody else has seen it."
        },
    )


class ClientListQuery(ListQuery):
    """Whose clients, and which part of them."""

    user_id = fields.String(
        required=True, metadata={**ID, "description": "Your own id; admins may give any."}
    )
