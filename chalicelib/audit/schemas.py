"""Audit events as JSON."""

from marshmallow import Schema, ValidationError, fields, validate

from chalicelib.audit.trail import EVENTS, OUTCOMES
from chalicelib.db import keys
from chalicelib.web.fields import Moment
from chalicelib.web.pagination import PageQuery


def check_id(value: str) -> None:
    """Refuse what can be no id.

    :raises ValidationError: it can't.
    """
    if not keys.is_id(value):
        raise ValidationError("Must be the id of a user.")


class AuditQuery(PageQuery):
    """Which events."""

    user_id = fields.String(
        validate=check_id,
        metadata={
            "description": "What this account did, or what was done to it.",
            "pattern": f"^{keys.ULID.pattern}$",
        },
    )
    since = Moment(data_key="from", metadata={"description": "Events at this time or later."})
    until = Moment(data_key="to", metadata={"description": "Events before this time."})


class AuditEventSchema(Schema):
    """Something that happened."""

    id = fields.String(metadata={"description": "ULID: sorts by time."})
    time = fields.AwareDateTime(attribute="created")
    event = fields.String(validate=validate.OneOf(EVENTS))
    outcome = fields.String(validate=validate.OneOf(OUTCOMES))
    actor_id = fields.String(allow_none=True, metadata={"description": "The account that did it, if known."})
    user_id = fields.String(
        allow_none=True, metadata={"description": "The account that it was done to, if there is one."}
    )
    client_id = fields.String(
        allow_none=True, metadata={"description": "The OAuth2 client through which it came, if known."}
    )
    address = fields.String(metadata={"description": "Where it came from, as the gateway saw it."})
    request_id = fields.String(metadata={"description": "Names the request in the logs."})
    details = fields.Dict(keys=fields.String(), metadata={"description": "What else there is to know."})
