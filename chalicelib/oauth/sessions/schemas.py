"""Sign-ins as JSON."""

from marshmallow import Schema, fields

from chalicelib.oauth.clients.schemas import MAX_CLIENT_NAME
from chalicelib.web.fields import ID, IDS, Flag, Moment, text_metadata


class SessionSchema(Schema):
    """A sign-in that has not ended."""

    id = fields.String(attribute="family_id", metadata={**ID, "description": "ULID: sorts by sign-in."})
    client_id = fields.String(metadata=IDS["client_id"])
    client_name = fields.String(metadata=text_metadata(MAX_CLIENT_NAME, example="Team Planner"))
    is_current = Flag(metadata={"description": "The one that the access token of this request is of."})
    created = Moment()
    last_used = Moment(attribute="updated")
