"""Email addresses: who has one, who has to confirm one, and how one is changed."""

from typing import Any

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.unique import UniqueName, taken
from chalicelib.events import Event, Letter
from chalicelib.settings import OFF, REQUIRED
from chalicelib.users import attempts
from chalicelib.users.links import issue_link, write_decoy
from chalicelib.users.models import User


def standing_at_sign_up(context: Context, *, is_open: bool) -> dict[str, bool]:
    """Return how a new account stands to its email address.

    :param is_open: anybody may sign up in this way, so the answer must not tell whether an address is taken.
        Then nobody has the address until it is confirmed.
    """
    mode = context.settings.email_verification
    return {"is_email_verified": mode == OFF, "claims_email": not (is_open and mode == REQUIRED)}


def verification_letter(context: Context, user: User) -> Letter | None:
    """Return the letter by which an address is confirmed, its link included; None if none is sent.

    If another account has the address, its owner gets a letter instead.
    """
    if user.is_email_verified:
        return None
    link = issue_link(context, "email_verification", user, user.email)
    if user.claims_email:
        return Letter(link=link)
    owner = _owner(context, user.email, user)
    if owner is None:
        write_decoy(context)  # the place of the event below
        return Letter(link=link)
    # Its link is never sent: it is written so that both cases take as long.
    context.emit(Event(name="sign_up_with_taken_email", user_id=owner, letter=Letter()))
    return None


def needs_confirmation(context: Context, user: User, changes: dict[str, Any]) -> bool:
    """Whether changes hold another address, which takes effect when it is confirmed."""
    mode = context.settings.email_verification
    return mode != OFF and changes.get("email", user.email) != user.email


def request_change(context: Context, user: User, address: str, credentials_version: int) -> None:
    """Send a link to a new address; it takes effect when the link is used.

    :param credentials_version: the account's, once the work is written.
    :raises ConflictError: the address is taken; where that is hidden, no letter is sent.
    :raises TooManyRequestsError: the address was sent too many letters.
    """
    owner = _owner(context, address, user)
    if owner and context.settings.email_verification != REQUIRED:
        raise taken("email")
    attempts.count_letter(context, attempts.letters_of(context, address))
    link = issue_link(context, "email_change", user, address, credentials_version)
    # A link that leads nowhere: the letter waits like others, and is deleted unsent.
    letter = Letter(to=address, link=keys.NOBODY + keys.new_id() if owner else link)
    context.emit(Event(name="email_change_request", user_id=user.id, letter=letter))


def _owner(context: Context, address: str, user: User) -> str | None:
    context.read([keys.email(address)])  # it was read already, as a rule
    marker = context.find(UniqueName, keys.email(address))
    return marker.item_id if marker and marker.item_id != user.id else None
