"""Connected apps as JSON."""

from marshmallow import Schema, fields

from chalicelib.oauth.clients.schemas import MAX_CLIENT_NAME
from chalicelib.scopes import MAX_SCOPE, NQSCHAR
from chalicelib.web.fields import IDS, Moment, pattern_metadata, text_metadata


class ConsentSchema(Schema):
    """A signed-in app: a client that the user lets act for them."""

    client_id = fields.String(metadata=IDS["client_id"])
    client_name = fields.String(metadata=text_metadata(MAX_CLIENT_NAME, example="Team Planner"))
    scope = fields.String(metadata=pattern_metadata(NQSCHAR, MAX_SCOPE, example="teams:read users:read"))
    created = Moment()
    updated = Moment()
