"""The session of the account page: short, hashed in the table, and in a cookie that only this host sets."""

import re
import time
from typing import NamedTuple

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.personal import Personal, Place, shown
from chalicelib.db.table import Item
from chalicelib.oauth.secrets import hash_secret, new_secret
from chalicelib.users import attempts
from chalicelib.users.models import User
from chalicelib.web.call import Call
from chalicelib.web.form import read_cookie, set_cookie

COOKIE = "grail-account"
SHAPE = re.compile(r"[0-9A-Z]{26}\.[\w-]{43}", re.ASCII)  # the account's id, and 256 random bits


class AccountSession(Item, discriminator="account_session"):
    """A sign-in to the account page; of the secret in its cookie only SHA-256 is kept.

    It is over in half an hour, and as soon as the credentials of the account change.
    """

    personal = Personal(
        places=lambda person: [Place(keys.user(person.id).pk, keys.ACCOUNT_SESSIONS)],
        show=shown("created", "expires_at"),
    )

    user_id = UnicodeAttribute()
    credentials_version = NumberAttribute()


class SignedIn(NamedTuple):
    """Who is signed in to the account page; both items were read."""

    user: User
    session: AccountSession

    @property
    def form(self) -> str:
        """What the tickets of this person's forms are for."""
        return f"account {self.session.sk}"


def reads(call: Call) -> list[Key]:
    """Return the keys of the session in the cookie, of its account, and of what that failed at."""
    cookie = read_cookie(call, COOKIE, SHAPE)
    if cookie is None:
        return []
    user_id, address = cookie[:26], attempts.address(call.context)
    counts = attempts.failure_keys(call.context, address, attempts.account(user_id))
    return [_key(cookie), keys.user(user_id), *counts]


def find(call: Call) -> SignedIn | None:
    """Return who is signed in, by what `reads` named."""
    cookie = read_cookie(call, COOKIE, SHAPE) or ""
    session = call.context.find(AccountSession, _key(cookie))
    user = call.context.find(User, keys.user(cookie[:26]))
    if session is None or user is None or not user.is_active:
        return None
    return SignedIn(user, session) if session.credentials_version == user.credentials_version else None


def start(call: Call, user: User, credentials_version: int) -> str:
    """Add a session to the work, and return the Set-Cookie header of its cookie.

    :param credentials_version: the account's, once the work is written.
    """
    cookie = f"{user.id}.{new_secret()}"
    until = int(time.time()) + call.context.settings.account_session_lifetime
    session = AccountSession.at(
        _key(cookie), user_id=user.id, credentials_version=credentials_version, expires_at=until
    )
    call.context.work.put(session)
    return set_cookie(call, COOKIE, cookie)


def no_cookie(call: Call) -> str:
    """Return the Set-Cookie header that removes the cookie."""
    return set_cookie(call, COOKIE, "", seconds=0)


def _key(cookie: str) -> Key:
    return keys.account_session(cookie[:26], hash_secret(cookie))
