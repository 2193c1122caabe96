"""Invitations as JSON, and what people send about them."""

from marshmallow import Schema, fields, validate

from chalicelib.teams.schemas import BaseTeamSchema
from chalicelib.users.schemas import EmailText
from chalicelib.web.fields import ID, ItemId, Moment
from chalicelib.web.form import LinkFormSchema, LinkTokenSchema

DECISIONS = ("accept", "decline")
DECISION = {"description": "What you answer.", "example": "accept"}


class InvitationInputSchema(Schema):
    """A new invitation."""

    email = EmailText(required=True)


class InvitationSchema(Schema):
    """An open invitation, as its team sees it."""

    id = fields.String(metadata={**ID, "description": "ULID: sorts by time."})
    email = EmailText()
    inviter_id = ItemId("user_id", metadata={"description": "The account that invites."})
    created = Moment(attribute="sent")


class MyInvitationSchema(Schema):
    """An open invitation, as the person sees it."""

    # another one than the team's: linters take an id that is there twice for one of two schemas
    id = fields.String(
        metadata={**ID, "description": "ULID: sorts by time.", "example": "01BX5ZZKBKACTAV9WEVGEMMVRZ"}
    )
    team = fields.Nested(BaseTeamSchema)
    created = Moment(attribute="sent")


class AnswerSchema(LinkTokenSchema):
    """A link, and what its owner answers."""

    decision = fields.String(required=True, validate=validate.OneOf(DECISIONS), metadata=DECISION)


class AnswerFormSchema(LinkFormSchema):
    """What the page of an invitation sends."""

    decision = fields.String(load_default="", metadata={"enum": ["", *DECISIONS], **DECISION})
