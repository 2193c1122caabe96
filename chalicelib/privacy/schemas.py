"""Erasures and exports as JSON."""

from marshmallow import Schema, fields, validate

from chalicelib.security.passwords import MAX_BYTES
from chalicelib.web.fields import text_metadata
from chalicelib.web.pagination import MAX_LIMIT, PageQuery

MAX_KIND = 64  # characters


class ErasureSchema(Schema):
    """What an erasure takes."""

    current_password = fields.String(
        required=True,
        load_only=True,
        validate=validate.Length(max=MAX_BYTES),
        metadata={
            "maxLength": MAX_BYTES,
            "format": "password",
            "description": "Your own, also if you erase another account.",
            "example": "analytical engine",
        },
    )


class ExportQuery(PageQuery):
    """Which part of an export."""

    limit = fields.Integer(
        strict=True,
        load_default=MAX_LIMIT,
        validate=validate.Range(1, MAX_LIMIT, error=f"Must be between 1 and {MAX_LIMIT}."),
        metadata={"description": "How many entries at most."},
    )


class ExportEntrySchema(Schema):
    """Something that is stored about you."""

    kind = fields.String(metadata=text_metadata(MAX_KIND, description="Of what kind.", example="user"))
    item = fields.Raw(
        metadata={
            "description": "An object with its fields; which, depends on the kind.",
            "example": {"username": "ada", "email": "ada@example.org"},
        }
    )
