"""Links of letters: good for one use, and only the last one of its purpose."""

import time
from dataclasses import dataclass
from typing import Literal, get_args

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.security.links import link_of
from chalicelib.users.models import Link, User

Purpose = Literal["email_verification", "email_change", "email_undo", "password_reset"]
PURPOSES: tuple[str, ...] = get_args(Purpose)
HOUR = 3600
ID = 26  # characters: the id of a link is the account's, and then its own
LIFETIMES: dict[Purpose, int] = {
    "email_verification": 24 * HOUR,
    "email_change": 24 * HOUR,
    "email_undo": 72 * HOUR,
    "password_reset": HOUR // 2,
}
# Who took an account over changes the password, too: the owner undoes the change of address all the same.
OUTLIVE_CREDENTIALS: frozenset[Purpose] = frozenset({"email_undo"})


@dataclass(frozen=True)
class OpenedLink:
    """A link that works, and the account that it is for; both were read."""

    item: Link
    user: User


def issue_link(
    context: Context, purpose: Purpose, user: User, address: str, credentials_version: int | None = None
) -> str:
    """Add a link to the work in the place of the one before, and return its id: the account's, and its own.

    :param credentials_version: the account's, once the work is written; None if it stays.
    """
    version = user.credentials_version if credentials_version is None else credentials_version
    return _write(context, purpose, user.id, address, version)


def write_decoy(context: Context) -> None:
    """Write a link of nobody in the place of a link, a letter or an event.

    So the time of an answer tells nothing of accounts.
    """
    _write(context, "password_reset", keys.NOBODY, "", 0)


def _write(context: Context, purpose: Purpose, user_id: str, address: str, version: float) -> str:
    link_id, until = keys.new_id(), int(time.time()) + LIFETIMES[purpose]
    owner = keys.new_id() if user_id == keys.NOBODY else user_id  # many at once write one item each
    actions = [
        Link.purpose.set(purpose),
        Link.link_id.set(link_id),
        Link.user_id.set(user_id),
        Link.address.set(address),
        Link.credentials_version.set(version),
        Link.expires_at.set(until),
        Link.version.add(1),
    ]
    context.work.add(Link.at(keys.link(owner, purpose)), actions)
    return user_id + link_id


def open_link(context: Context, purpose: Purpose, token: str) -> OpenedLink | None:
    """Read what a token opens; None if it does not work, whatever the reason."""
    found = link_of(context.keyring, token) or ""
    user_key, link_key = keys.user(found[:ID]), place_of(found, purpose)
    context.read([user_key, link_key] if found else [])
    item, user = context.find(Link, link_key), context.find(User, user_key)
    if item is None or user is None or item.link_id != found[ID:] or not _is_current(item, user, purpose):
        return None
    return OpenedLink(item, user)


def place_of(link: str, purpose: str) -> Key:
    """Return where a link is, by its id and purpose."""
    return keys.link(link[:ID], purpose)


def _is_current(item: Link, user: User, purpose: Purpose) -> bool:
    if not user.is_active:
        return False
    return purpose in OUTLIVE_CREDENTIALS or item.credentials_version == user.credentials_version


def use_link(context: Context, link: OpenedLink) -> None:
    """Add the use of a link to the work; of two at once, one reads again and finds it gone."""
    context.work.delete(link.item)
