"""Teams and memberships as JSON."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from chalicelib.users.schemas import USERNAME_SHAPE
from chalicelib.web.fields import ID, Flag, Moment, Text, check_id
from chalicelib.web.pagination import NEWEST, ListQuery

MIN_TITLE, MAX_TITLE = 3, 50
MEMBERS_SHOWN = 100  # in a team itself; the list of members has them all


class BaseTeamSchema(Schema):
    """A team in a list."""

    id = fields.String(metadata={**ID, "description": "ULID: sorts by creation.", "readOnly": True})
    title = Text(min_length=MIN_TITLE, max_length=MAX_TITLE, required=True, metadata={"example": "Explorers"})


class TeamQuery(ListQuery):
    """Which teams."""

    title = Text(
        min_length=1,
        max_length=MAX_TITLE,
        metadata={"description": "Only teams whose titles begin with this, in any case, sorted by title."},
    )

    @validates_schema
    def _one_order(self, data: dict[str, Any], **_: Any) -> None:
        if "title" in data and data.get("order") == NEWEST:
            raise ValidationError("Leave it out: teams that are found by title are sorted by it.", "order")


class TeamInputSchema(Schema):
    """A new team, and what a PATCH may change."""

    title = Text(min_length=MIN_TITLE, max_length=MAX_TITLE, required=True, metadata={"example": "Explorers"})


class TeamViewSchema(BaseTeamSchema):
    """What a PATCH works on."""

    created = Moment()
    updated = Moment()


class MemberUserSchema(Schema):
    """The user of a membership."""

    id = fields.String(attribute="user_id", metadata={**ID, "example": "01BX5ZZKBKACTAV9WEVGEMMVRZ"})
    username = fields.String(metadata={**USERNAME_SHAPE, "example": "ada"})


class TeamMemberSchema(Schema):
    """A membership as its team shows it."""

    user = fields.Nested(MemberUserSchema, attribute="itself")
    is_leader = Flag()


class TeamSchema(TeamViewSchema):
    """A team with its first members; all of them are listed under /members."""

    members = fields.List(fields.Nested(TeamMemberSchema), metadata={"maxItems": MEMBERS_SHOWN})


class MemberSchema(TeamMemberSchema):
    """A membership."""

    team = fields.Nested(BaseTeamSchema)


class MyTeamSchema(Schema):
    """A team that one is in."""

    id = fields.String(attribute="team_id", metadata={**ID, "description": "ULID: sorts by creation."})
    title = Text(
        attribute="team.title", min_length=MIN_TITLE, max_length=MAX_TITLE, metadata={"example": "Explorers"}
    )
    is_leader = Flag()


class MemberInputSchema(Schema):
    """A new membership."""

    user_id = fields.String(
        required=True, validate=check_id, metadata={**ID, "example": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}
    )
    is_leader = Flag(load_default=False)
