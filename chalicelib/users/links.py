"""Links of letters: good for one use, and only the last one of its purpose."""

import time
from dataclasses import dataclass
from typing import Literal, get_args

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.security.links import link_of
from chalicelib.users.models import Link, LinkPlace, User

Purpose = Literal["email_verification", "email_change", "email_undo", "password_reset"]
PURPOSES: tuple[str, ...] = get_args(Purpose)
HOUR = 3600
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
    place: LinkPlace
    user: User


def issue_link(
    context: Context, purpose: Purpose, user: User, address: str, credentials_version: int | None = None
) -> str:
    """Add a link to the work in the place of the one before, and return its id.

    :param credentials_version: the account's, once the work is written; None if it stays.
    """
    version = user.credentials_version if credentials_version is None else credentials_version
    return _write(context, purpose, user.id, user.id, address, version)


def write_decoy_link(context: Context, purpose: Purpose, address: str) -> None:
    """Write what a link takes, for nobody, so that the time of an answer tells nothing of accounts."""
    _write(context, purpose, keys.new_id(), keys.NOBODY, address, 0)


def write_decoy(context: Context) -> None:
    """Write one more item that leads to no account, in the place of a letter or an event."""
    until = int(time.time()) + LIFETIMES["password_reset"]
    place = keys.link_place(keys.new_id())
    context.work.put(LinkPlace.at(place, user_id=keys.NOBODY, expires_at=until))


def _write(  # noqa: PLR0917 - the parts of one item
    context: Context, purpose: Purpose, owner: str, user_id: str, address: str, version: float
) -> str:
    link_id, until = keys.new_id(), int(time.time()) + LIFETIMES[purpose]
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
    context.work.put(LinkPlace.at(keys.link_place(link_id), user_id=user_id, expires_at=until))
    return link_id


def open_link(context: Context, purpose: Purpose, token: str) -> OpenedLink | None:
    """Read what a token opens; None if it does not work, whatever the reason."""
    link_id = link_of(context.keyring, token)
    if link_id is None:
        return None
    context.read([keys.link_place(link_id)])
    place = context.find(LinkPlace, keys.link_place(link_id))
    if place is None:
        return None
    context.read([keys.link(place.user_id, purpose), keys.user(place.user_id)])
    item = context.find(Link, keys.link(place.user_id, purpose))
    user = context.find(User, keys.user(place.user_id))
    if item is None or user is None or item.link_id != link_id or not _is_current(item, user, purpose):
        return None
    return OpenedLink(item, place, user)


def _is_current(item: Link, user: User, purpose: Purpose) -> bool:
    if not user.is_active:
        return False
    return purpose in OUTLIVE_CREDENTIALS or item.credentials_version == user.credentials_version


def use_link(context: Context, link: OpenedLink) -> None:
    """Add the use of a link to the work; of two at once, one reads again and finds it gone."""
    context.work.delete(link.item)
    context.work.delete(link.place)
