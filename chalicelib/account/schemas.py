"""What people send to the account pages and their API."""

import re

from marshmallow import Schema, fields, validate

from chalicelib.db.keys import MAX_EMAIL
from chalicelib.users.schemas import WHOSE, EmailText, new_password
from chalicelib.web.fields import pattern_metadata, text_metadata
from chalicelib.web.form import MAX_VALUE, LinkFormSchema, LinkTokenSchema

ANY_ID = re.compile(r"[A-Za-z0-9._-]*", re.ASCII)
ANY = re.compile(r"[\s\S]+")  # what can be no name is a name of nobody
ENDED = pattern_metadata(ANY_ID, 64, description="Of the client or session that ends.", example="planner")


class NameSchema(Schema):
    """An account, by one of its names."""

    username = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MAX_EMAIL),
        metadata=pattern_metadata(ANY, MAX_EMAIL, description=WHOSE, example="ada"),
    )


class PasswordSchema(Schema):
    """A new password."""

    password = new_password()


class EmailSchema(Schema):
    """A new email address."""

    email = EmailText(required=True)


class ResetSchema(PasswordSchema, LinkTokenSchema):
    """A link, and a new password."""


class AccountFormSchema(LinkFormSchema):
    """What the account pages send."""

    username = fields.String(
        load_default="", metadata=text_metadata(MAX_EMAIL, description=WHOSE, example="ada")
    )
    password = fields.String(load_default="", metadata={"maxLength": MAX_VALUE, "format": "password"})
    current_password = fields.String(load_default="", metadata={"maxLength": MAX_VALUE, "format": "password"})
    # no format: the default is no address
    email = fields.String(load_default="", metadata=text_metadata(MAX_EMAIL, example="ada@example.org"))
    id = fields.String(load_default="", metadata=ENDED)
    decision = fields.String(load_default="", metadata=text_metadata(16, example="sign_in"))
