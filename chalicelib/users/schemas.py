"""Users as JSON."""

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from chalicelib.db.keys import MAX_EMAIL, MAX_USERNAME
from chalicelib.security.passwords import MAX_BYTES, MIN_LENGTH, password_flaw
from chalicelib.text import ADDRESS
from chalicelib.web.fields import ID, Flag, Moment, Text, pattern_metadata, text_metadata
from chalicelib.web.pagination import ListQuery

MAX_NAME = 30
USERNAME = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_USERNAME}}}", re.ASCII)
USERNAME_SHAPE = pattern_metadata(USERNAME, MAX_USERNAME)
WHOSE = "The username or the email address; blanks around it are ignored."
MAX_CAPTCHA = 8192  # characters of the answer of a solved captcha


def validate_username(value: str) -> None:
    """Refuse what is no username.

    :raises ValidationError: it has other characters, or too many.
    """
    if not USERNAME.fullmatch(value):
        raise ValidationError(f"Must have 1 to {MAX_USERNAME} letters (a-z, A-Z), digits, or any of . _ -")


def validate_new_password(value: str) -> None:
    """Refuse a weak new password.

    :raises ValidationError: saying what is wrong with it.
    """
    flaw = password_flaw(value)
    if flaw:
        raise ValidationError(flaw)


def validate_address(value: str) -> None:
    """Refuse an address to which no letter can be sent, such as one with a quoted name.

    :raises ValidationError: it is no address, or such a one.
    """
    validate.Email()(value)
    if not ADDRESS.fullmatch(value):
        raise ValidationError("Not a valid email address.")


def new_password() -> fields.String:
    """Return the field of a password that somebody chooses."""
    shape = {"minLength": MIN_LENGTH, "maxLength": MAX_BYTES, "format": "password"}
    return fields.String(
        required=True,
        load_only=True,
        validate=validate_new_password,
        metadata={**shape, "example": "analytical engine"},
    )


class EmailText(Text):
    """An e-mail address in NFC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=3, max_length=MAX_EMAIL, validate=validate_address, **kwargs)
        self.metadata = {"format": "email", "example": "ada@example.org", **self.metadata}
        del self.metadata["pattern"]  # the format says more


class BaseUserSchema(Schema):
    """A user in a list."""

    id = fields.String(metadata={**ID, "description": "ULID: sorts by creation.", "readOnly": True})
    username = fields.String(metadata={**USERNAME_SHAPE, "example": "ada"})
    first_name = Text(max_length=MAX_NAME, metadata={"example": "Ada"})
    middle_name = Text(max_length=MAX_NAME, metadata={"example": "King"})
    last_name = Text(max_length=MAX_NAME, metadata={"example": "Lovelace"})


class UserSchema(BaseUserSchema):
    """A user."""

    email = EmailText()
    is_active = Flag(metadata={"example": True})
    is_regular_user = Flag(metadata={"description": "Has write access.", "example": True})
    is_admin = Flag()
    is_internal = Flag(metadata={"description": "Passes every permission; never settable over the API."})
    is_email_verified = Flag(
        metadata={"description": "Confirmed by a link.", "example": True, "readOnly": True}
    )
    created = Moment()
    updated = Moment()


class UserChangesSchema(Schema):
    """What a PATCH may change; also the part of a sign-up that it shares."""

    email = EmailText(required=True)
    password = new_password()
    first_name = Text(max_length=MAX_NAME, metadata={"example": "Ada"})
    middle_name = Text(max_length=MAX_NAME, metadata={"example": "King"})
    last_name = Text(max_length=MAX_NAME, metadata={"example": "Lovelace"})
    is_active = Flag(metadata={"description": "Admins only."})
    is_regular_user = Flag(metadata={"description": "Admins only."})
    is_admin = Flag(metadata={"description": "Admins only."})


class SignUpSchema(UserChangesSchema):
    """A new user."""

    username = fields.String(
        required=True, validate=validate_username, metadata={**USERNAME_SHAPE, "example": "ada"}
    )
    recaptcha_key = Text(
        max_length=MAX_CAPTCHA,
        load_default="",
        metadata={"description": "Solved captcha; admins need none.", "example": "secret_key"},
    )
    current_password = fields.String(
        load_only=True,
        validate=validate.Length(max=MAX_BYTES),
        metadata={"format": "password", "description": "Your own: admins who set roles prove to know it."},
    )
    is_internal = Flag(metadata={"description": "Never settable over the API."})


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
        if data.get("cursor") and data.keys() & {"username", "email"}:
            raise ValidationError("Leave it out: at most one account has a username or an email.", "cursor")


class SignUpFormSchema(Schema):
    """What a sign-up form needs."""

    recaptcha_server_key = fields.String(
        allow_none=True, metadata=text_metadata(128, example="6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI")
    )
