"""OAuth2 clients as JSON."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from marshmallow import Schema, ValidationError, fields, validate

from chalicelib.oauth.grants.names import GRANT_TYPES
from chalicelib.oauth.models import CONFIDENTIAL, PUBLIC_CLIENT
from chalicelib.oauth.scopes import MAX_SCOPE, NQSCHAR, SCOPES
from chalicelib.web.fields import ID, IDS, Array, Flag, Moment, Text, like, one_line
from chalicelib.web.pagination import ListQuery, QueryInteger

LOOPBACK = ("127.0.0.1", "::1", "localhost")
MAX_URI = 2048  # characters
MAX_URIS = 20
MAX_OVERLAP = 86_400  # seconds
NAME_MOST = 80  # characters
# RFC 8252 §7.1: a private-use scheme is a domain name in reverse, so it has a dot.
PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+", re.IGNORECASE)
# What RFC 3986 would allow beyond it has no place in a host, and could end a directive of a content policy.
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
# What an answer adds (RFC 6749 §4.1.2, RFC 9207): a URI that has it already would say two things at once.
ANSWERS = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})
SECRET = re.compile("[A-Za-z0-9_-]{43}")
EXAMPLE_SECRET = "dGhpcyBpcyBhbiBleGFtcGxlLCBub3QgYSBzZWNyZXQ"  # noqa: S105 - it says so itself
CLIENT_TYPES = (CONFIDENTIAL, PUBLIC_CLIENT)
UNSAFE = re.compile(r"[^\x21-\x7e]|[\\\"<>^`{|}]")


def check_redirect_uri(value: str) -> None:
    """Refuse what no client may be redirected to.

    :raises ValidationError: it is neither https, nor http on loopback, nor of a private-use scheme.
    """
    if not _is_redirect_uri(value):
        raise ValidationError(
            "Must be an absolute https URI, http on a loopback address, or of a private-use scheme with a "
            "dot in it; without fragment, user name, characters that have to be encoded, or the "
            "parameters of an authorization response."
        )


def _is_redirect_uri(value: str) -> bool:
    if len(value) > MAX_URI or UNSAFE.search(value) or "#" in value:
        return False
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
        names = parse_qs(parts.query, keep_blank_values=True).keys()
    except ValueError:
        return False
    if parts.username is not None or not ANSWERS.isdisjoint(names):
        return False
    if parts.scheme == "https":
        return host is not None and HOST.fullmatch(host) is not None
    if parts.scheme == "http":
        return host in LOOPBACK
    return PRIVATE_SCHEME.fullmatch(parts.scheme) is not None


def check_no_doubles(values: list[str]) -> None:
    """Refuse a list that names something twice.

    :raises ValidationError: it does.
    """
    if len(set(values)) < len(values):
        raise ValidationError("Must not name anything twice.")


def _names(allowed: tuple[str, ...], example: list[str]) -> Array:
    known = ", ".join(allowed)
    element = fields.String(validate=validate.OneOf(allowed, error=f"Must be one of {known}."))
    metadata = {"example": example, "uniqueItems": True}
    return Array(element, most=len(allowed), validate=check_no_doubles, metadata=metadata)


class ClientFieldsSchema(Schema):
    """What whoever registers a client decides."""

    client_name = Text(
        most=NAME_MOST, metadata={"description": "What people see it as.", "example": "Team Planner"}
    )
    redirect_uris = Array(
        fields.String(
            validate=check_redirect_uri, metadata={"format": "uri", "minLength": 1, "maxLength": MAX_URI}
        ),
        most=MAX_URIS,
        validate=check_no_doubles,
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

    client_id = fields.String(metadata=IDS["client_id"])
    user_id = fields.String(metadata=ID)
    client_type = fields.String(validate=validate.OneOf(CLIENT_TYPES))
    is_active = Flag(metadata={"description": "false while an admin suspends it."})
    created = Moment()
    updated = Moment()


class ClientRegistrationWithSecretSchema(ClientRegistrationSchema):
    """A client with the secret that was just made for it; public clients have none."""

    client_secret = fields.String(
        allow_none=True,
        metadata=like(SECRET, 43, description="null for public clients.", example=EXAMPLE_SECRET),
    )


class SecretRotationQuery(Schema):
    """What becomes of the secret before."""

    overlap = QueryInteger(
        load_default=MAX_OVERLAP,
        validate=validate.Range(0, MAX_OVERLAP, error=f"Must be between 0 and {MAX_OVERLAP}."),
        metadata={
            "description": "How many seconds it stays valid, so that services can change over. "
            "0 ends it at once, if somebody else has seen it."
        },
    )


class ConsentSchema(Schema):
    """A signed-in app: a client that the user lets act for them."""

    client_id = fields.String(metadata=IDS["client_id"])
    client_name = fields.String(metadata=one_line(NAME_MOST, example="Team Planner"))
    scope = fields.String(metadata=like(NQSCHAR, MAX_SCOPE, example="teams:read users:read"))
    created = Moment()
    updated = Moment()


class SessionSchema(Schema):
    """A sign-in that has not ended."""

    id = fields.String(attribute="family_id", metadata={**ID, "description": "ULID: sorts by sign-in."})
    client_id = fields.String(metadata=IDS["client_id"])
    client_name = fields.String(metadata=one_line(NAME_MOST, example="Team Planner"))
    is_current = Flag(metadata={"description": "The one that the access token of this request is of."})
    created = Moment()
    last_used = Moment(attribute="updated")


class ClientListQuery(ListQuery):
    """Whose clients, and which part of them."""

    user_id = fields.String(
        required=True, metadata={**ID, "description": "Your own id; admins may give any."}
    )


def default_grant_types(redirect_uris: list[str]) -> list[str]:
    """Choose the grant types of a client that names none."""
    return ["authorization_code", "refresh_token"] if redirect_uris else ["client_credentials"]


def client_flaws(client_type: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Say which fields of a client do not fit together."""
    grants, uris = values["grant_types"], values["redirect_uris"]
    if client_type == PUBLIC_CLIENT and "client_credentials" in grants:
        return {"grant_types": "A public client has no secret, so it can't use client_credentials."}
    if "authorization_code" in grants and not uris:
        return {"redirect_uris": "authorization_code needs at least one redirect URI."}
    return {}
