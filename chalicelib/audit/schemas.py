"""Audit events as JSON."""

import re
from collections.abc import Iterable
from typing import Any, ClassVar

from marshmallow import Schema, fields, validate

from chalicelib.audit.trail import MAX_TEXT
from chalicelib.events import EVENTS, OUTCOMES, REASONS
from chalicelib.web.fields import ID, IDS, Flag, Moment, check_id, pattern_metadata, text_metadata
from chalicelib.web.pagination import PageQuery

OPTIONAL = {"optional": True}
NAME = re.compile("[a-z_ -]+")


def _open(names: Iterable[str], words: str, **more: Any) -> dict[str, Any]:
    """Describe a field that gets more values in time: with an enum, clients would refuse the new ones."""
    return pattern_metadata(
        NAME, MAX_TEXT, description=f"{words}: {', '.join(names)}, or what is new since.", **more
    )


class AuditQuery(PageQuery):
    """Which events."""

    user_id = fields.String(
        validate=check_id,
        metadata={**ID, "description": "What this account did, or what was done to it."},
    )
    since = Moment(data_key="from", metadata={"description": "Events at this time or later."})
    until = Moment(data_key="to", metadata={"description": "Events before this time."})


class AuditDetailsSchema(Schema):
    """What else there is to know of an event; which of these, depends on the event."""

    EXAMPLE: ClassVar = {"is_admin": True}

    reason = fields.String(
        metadata=_open(REASONS, "Why it was refused", example="wrong password", **OPTIONAL)
    )
    client = fields.String(
        metadata={**IDS["client_id"], **OPTIONAL, "description": "The client it is about."}
    )
    team = fields.String(metadata={**ID, **OPTIONAL, "description": "The team it is about."})
    fields_ = fields.List(
        fields.String(metadata=text_metadata(MAX_TEXT)),
        data_key="fields",
        attribute="fields",
        metadata={"maxItems": MAX_TEXT, **OPTIONAL, "description": "Names of what was changed."},
    )
    scopes = fields.List(
        fields.String(metadata=text_metadata(MAX_TEXT)), metadata={"maxItems": MAX_TEXT, **OPTIONAL}
    )
    token_type = fields.String(validate=validate.OneOf(("access_token", "refresh_token")), metadata=OPTIONAL)
    family = fields.String(metadata={**ID, **OPTIONAL, "description": "The sign-in that the tokens are of."})
    letter = fields.String(
        metadata=_open(
            EVENTS, "The event that a letter told of", example="password_reset_request", **OPTIONAL
        )
    )
    is_active = Flag(metadata=OPTIONAL)
    is_regular_user = Flag(metadata=OPTIONAL)
    is_admin = Flag(metadata=OPTIONAL)
    is_internal = Flag(metadata=OPTIONAL)
    is_leader = Flag(metadata={**OPTIONAL, "description": "Whether the membership is, or was, a leader's."})


class AuditEventSchema(Schema):
    """Something that happened."""

    id = fields.String(metadata={**ID, "description": "ULID: sorts by time."})
    time = Moment(attribute="created")
    event = fields.String(metadata=_open(EVENTS, "What happened", example="role_change"))
    outcome = fields.String(validate=validate.OneOf(OUTCOMES))
    actor_id = fields.String(
        allow_none=True, metadata={**ID, "description": "The account that did it, if known."}
    )
    user_id = fields.String(
        allow_none=True, metadata={**ID, "description": "The account that it was done to, if there is one."}
    )
    client_id = fields.String(
        allow_none=True,
        metadata={**IDS["client_id"], "description": "The OAuth2 client through which it came, if known."},
    )
    address = fields.String(
        metadata=text_metadata(
            MAX_TEXT,
            description="Where it came from, as the gateway saw it; none if by a task.",
            example="203.0.113.7",
        )
    )
    request_id = fields.String(
        metadata=text_metadata(
            MAX_TEXT,
            description="Names the request in the logs; or the task.",
            example="2f8f0c1e-6d0c-4c7e-9f39-2a1f5f3c7d11",
        )
    )
    details = fields.Nested(AuditDetailsSchema)
