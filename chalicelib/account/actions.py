"""What people do by links that they got by letter; each action adds to the context's work."""

from typing import Any

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.unique import UniqueName
from chalicelib.errors import GoneError
from chalicelib.events import Event, EventName, Letter, Reason
from chalicelib.users import attempts
from chalicelib.users.actions import change_user, verification_letter
from chalicelib.users.links import issue_link, open_link, write_decoy
from chalicelib.users.models import Link, User
from chalicelib.users.sign_in import username_key


def name_key(payload: Any) -> list[Key | None]:
    """Return the marker of the name in a body that was only parsed, so that it is read at once."""
    name = payload.get("username") if isinstance(payload, dict) else None
    return [username_key(name)] if isinstance(name, str) else []


def request_password_reset(context: Context, name: str) -> None:
    """Send a link by which a forgotten password is replaced; nothing tells whether there is an account.

    :param name: username or email address.
    :raises TooManyRequestsError: it was asked for too often.
    """
    user = _addressee(context, name)
    if user is None or not user.is_active or not user.claims_email:
        _emit_nothing_sent(context, "password_reset_request", user)
        return
    letter = Letter(link=issue_link(context, "password_reset", user, user.email))
    context.emit(Event(name="password_reset_request", user_id=user.id, letter=letter))


def request_verification(context: Context, name: str) -> None:
    """Send the link that confirms an email address again; nothing tells whether there is an account.

    :param name: username or email address.
    :raises TooManyRequestsError: it was asked for too often.
    """
    user = _addressee(context, name)
    if user is None or not user.is_active or user.is_email_verified:
        _emit_nothing_sent(context, "email_verification", user)
        return
    letter = verification_letter(context, user)
    context.emit(Event(name="email_verification", user_id=user.id, letter=letter))


def verify_email(context: Context, token: str) -> None:
    """Confirm the address of an account.

    :raises GoneError: the link does not work, or another account has the address by now.
    """
    link, user = open_link(context, "email_verification", token)
    context.work.delete(link)
    _take_address(context, user, user.email)
    context.emit(Event(name="email_verification", user_id=user.id, actor_id=user.id))


def confirm_email_change(context: Context, token: str) -> None:
    """Move an account to the address that was asked for, and tell the old one, with a link that undoes it.

    While such a link is good, there is none to another address: only the one before all changes is brought
    back.

    :raises GoneError: the link does not work, or another account has the address by now.
    """
    link, user = open_link(context, "email_change", token)
    before = user.email
    context.work.delete(link)
    context.read([keys.link(user.id, "email_undo")])
    kept = context.find(Link, keys.link(user.id, "email_undo"))
    may_return = user.is_email_verified and (kept is None or kept.address == before)
    undo = issue_link(context, "email_undo", user, before) if may_return else None
    _take_address(context, user, link.address)
    letter = Letter(to=before, link=undo)
    context.emit(Event(name="email_change", user_id=user.id, actor_id=user.id, letter=letter))


def undo_email_change(context: Context, token: str) -> None:
    """Bring an address back, and end everything that is signed in.

    :raises GoneError: the link does not work, or another account has the address by now.
    """
    link, user = open_link(context, "email_undo", token)
    context.work.delete(link)
    version = int(user.credentials_version) + 1
    _take_address(context, user, link.address, credentials_version=version)
    details = {"undone": True}
    context.emit(Event(name="email_change", user_id=user.id, actor_id=user.id, details=details))


def reset_password(context: Context, token: str, password: str) -> None:
    """Replace a forgotten password, and end everything that is signed in.

    Who opens the link has the address, so it is confirmed with that.

    :raises GoneError: the link does not work.
    :raises InvalidValueError: the password is the username or the email address.
    """
    link, user = open_link(context, "password_reset", token)
    context.work.delete(link)
    change_user(context, user, {"password": password, "is_email_verified": True})


def _take_address(context: Context, user: User, address: str, **more: Any) -> None:
    values = {"email": address, "is_email_verified": True, "claims_email": True, **more}
    context.work.change(user, values, if_taken=GoneError())


def _addressee(context: Context, name: str) -> User | None:
    """Read the account of a name, and count the request; unknown names take the same way.

    :raises TooManyRequestsError: the name was asked for too often.
    """
    key = username_key(name)
    context.read([key])
    marker = context.find(UniqueName, key)
    user_key = keys.user(marker.item_id if marker else keys.NOBODY)
    attempts.count_letter(context, attempts.letters_of(context, name), [user_key])
    return context.find(User, user_key)


def _emit_nothing_sent(context: Context, name: EventName, user: User | None) -> None:
    write_decoy(context)
    if context.settings.mail:
        write_decoy(context)  # in the place of a letter
    reason: Reason = "unknown user" if user is None or user.is_active else "account is disabled"
    user_id = user.id if user else None
    context.emit(Event(name=name, user_id=user_id, outcome="failure", details={"reason": reason}))
