"""Links of letters: good for one use, and only the last one of its purpose."""

import time
from typing import Any, Literal

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.errors import GoneError
from chalicelib.security.links import link_of
from chalicelib.users.models import Link, User

Purpose = Literal["email_verification", "email_change", "email_undo", "password_reset"]
HOUR = 3600
ID = 26  # characters: the id of a link is the account's, and then its own
LIFETIMES: dict[Purpose, int] = {
    "email_verification": 24 * HOUR,
    "email_change": 24 * HOUR,
    "email_undo": 72 * HOUR,
    "password_reset": HOUR // 2,
}


def issue_link(
    context: Context, purpose: Purpose, user: User, address: str, credentials_version: int | None = None
) -> str:
    """Add a link to the work in the place of the one before, and return its id: the account's, and its own.

    :param credentials_version: the account's, once the work is written; None if it stays.
    """
    version = user.credentials_version if credentials_version is None else credentials_version
    link_id = _write(context, user.id, purpose, user_id=user.id, address=address, credentials_version=version)
    return user.id + link_id


def write_decoy(context: Context) -> None:
    """Write a link of nobody in the place of a link, a letter or an event.

    So the time of an answer tells nothing of accounts.
    """
    owner = keys.new_id()  # many at once write one item each
    _write(context, owner, "password_reset", user_id=keys.NOBODY, address="", credentials_version=0)


def _write(context: Context, owner: str, purpose: Purpose, **values: Any) -> str:
    link_id, until = keys.new_id(), int(time.time()) + LIFETIMES[purpose]
    values |= {"purpose": purpose, "link_id": link_id, "expires_at": until}
    attributes = Link.get_attributes()
    actions = [attributes[name].set(value) for name, value in values.items()]
    context.work.add(Link.at(keys.link(owner, purpose)), [*actions, Link.version.add(1)])
    return link_id


def open_link(context: Context, purpose: Purpose, token: str) -> tuple[Link, User]:
    """Read the link that a token opens, and the account that it is for; whoever uses the link deletes it.

    :raises GoneError: it opens nothing, or something that has changed since.
    """
    found = link_of(context.keyring, token) or ""
    user_key, link_key = keys.user(found[:ID]), place_of(found, purpose)
    context.read([user_key, link_key] if found else [])
    link, user = context.find(Link, link_key), context.find(User, user_key)
    if link is None or user is None or link.link_id != found[ID:] or not _is_current(link, user, purpose):
        raise GoneError
    return link, user


def place_of(link: str, purpose: str) -> Key:
    """Return where a link is, by its id and purpose."""
    return keys.link(link[:ID], purpose)


def _is_current(link: Link, user: User, purpose: Purpose) -> bool:
    # Who took an account over changes the password, too: the owner undoes the change of address all the same.
    is_valid = purpose == "email_undo" or link.credentials_version == user.credentials_version
    # The links of other purposes are for the address that the account has.
    has_address = purpose in ("email_change", "email_undo") or link.address == user.email
    return bool(user.is_active and is_valid and has_address)
