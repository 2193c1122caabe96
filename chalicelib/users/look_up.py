"""Find an account by its username or email address: the markers that keep them unique lead to it."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from chalicelib.db import keys
from chalicelib.db.keys import MAX_EMAIL, MAX_USERNAME, Key
from chalicelib.db.unique import UniqueName
from chalicelib.users.models import User
from chalicelib.users.schemas import USERNAME_SHAPE, validate_username
from chalicelib.web.call import Call
from chalicelib.web.fields import Text
from chalicelib.web.operation import Reply
from chalicelib.web.pagination import ListQuery

MARKERS = {"username": (keys.username, MAX_USERNAME), "email": (keys.email, MAX_EMAIL)}


class UserQuery(ListQuery):
    """Which users."""

    username = fields.String(
        validate=validate_username,
        metadata={**USERNAME_SHAPE, "description": "Only the account of this name, in any case."},
    )
    email = Text(
        min_length=3,
        max_length=MAX_EMAIL,
        validate=validate.Email(),
        metadata={"format": "email", "description": "Only the account of this address, in any case."},
    )

    @validates_schema
    def _one_page(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("cursor") and MARKERS.keys() & data.keys():
            raise ValidationError("Leave it out: at most one account has a username or an email.", "cursor")


def markers(call: Call) -> list[Key]:
    """Return the keys of the markers that a query asks for; it was not validated yet."""
    wanted = ((make, most, call.request.query.get(name, [""])[0]) for name, (make, most) in MARKERS.items())
    return [make(value) for make, most, value in wanted if 0 < len(value) <= most]


def look_up(call: Call) -> Reply:
    """Return the account to which all markers lead, if there is one."""
    wanted = set(markers(call))
    found = [call.context.find(UniqueName, key) for key in wanted]
    ids = {marker.item_id if marker else None for marker in found}
    key = keys.user(str(ids.pop())) if len(ids) == 1 and None not in ids else None
    call.context.read([key])
    user = call.context.find(User, key)
    # between the two reads, the account may have got another address
    is_it = user is not None and wanted <= {keys.username(user.username), keys.email(user.email)}
    users = [user] if user and is_it else []
    return Reply(users[call.query["offset"] :], headers={"X-Total-Count": str(len(users))})
