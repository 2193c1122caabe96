"""Users, and the markers that keep their names unique."""

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.db import counters, keys
from chalicelib.db.counters import Counter
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction


class User(Item, discriminator="user"):
    """An account."""

    id = UnicodeAttribute()
    username = UnicodeAttribute()
    email = UnicodeAttribute()
    password_hash = UnicodeAttribute()
    first_name = UnicodeAttribute(default="")
    middle_name = UnicodeAttribute(default="")
    last_name = UnicodeAttribute(default="")
    is_active = BooleanAttribute(default=True)
    is_regular_user = BooleanAttribute(default=True)
    is_admin = BooleanAttribute(default=False)
    is_internal = BooleanAttribute(default=False)
    # Grows when every token of the account must die. A number instead of a time: it has no clock to jump,
    # and a token issued in the very second of the change is on one side of it or the other.
    credentials_version = NumberAttribute(default=0)

    def listed(self) -> tuple[str, str]:
        """Give the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return keys.USERS, self.id

    def counted(self) -> tuple[str, ...]:
        """Name the counters that this item is counted in."""
        return (*super().counted(), *([keys.ADMINS] if self.is_active_admin else []))

    @property
    def is_active_admin(self) -> bool:
        """Tell whether this account counts for the rule that one admin always remains."""
        return bool(self.is_active and self.is_admin)


class UniqueName(Item, discriminator="unique_name"):
    """Marks a username or an e-mail address as taken."""

    user_id = UnicodeAttribute()


def new_user(*, username: str, email: str, password_hash: str, **fields: object) -> User:
    """Make a user with a fresh id; nothing is written yet."""
    user_id = keys.new_id()
    return User.at(
        keys.user(user_id),
        id=user_id,
        username=username,
        email=email,
        password_hash=password_hash,
        **fields,
    )


def create_user(user: User) -> None:
    """Write a user.

    :raises ConditionFailedError: "username" or "email" is taken.
    """
    transaction = Transaction()
    add_user(transaction, user)
    transaction.commit()


def add_user(transaction: Transaction, user: User) -> None:
    """Add a user to a transaction, together with the markers of its names, and count it.

    Its commit raises ConditionFailedError: "username" or "email" is taken.
    """
    transaction.put("user", user)
    transaction.put("username", UniqueName.at(keys.username(user.username), user_id=user.id))
    transaction.put("email", UniqueName.at(keys.email(user.email), user_id=user.id))
    counters.add(transaction, keys.USERS, 1)
    if user.is_active_admin:
        count_admin(transaction, 1)


def change_user(transaction: Transaction, user: User, values: dict[str, object]) -> None:
    """Add changed fields to a transaction, moving the e-mail's marker and keeping one active admin.

    Its commit raises ConditionFailedError: "item" changed meanwhile, "email" is taken, or "admins": it is the
    last one.
    """
    _move_email(transaction, user, values.get("email"))
    before = user.is_active_admin
    after = bool(values.get("is_active", user.is_active) and values.get("is_admin", user.is_admin))
    if before != after:
        count_admin(transaction, 1 if after else -1)
    ends_tokens = "password_hash" in values or values.get("is_active") is False
    if ends_tokens:
        values = {**values, "credentials_version": int(user.credentials_version) + 1}
    transaction.change("item", user, values)


def _move_email(transaction: Transaction, user: User, address: object) -> None:
    # A spelling that folds to the same marker keeps it.
    if isinstance(address, str) and keys.email(address) != keys.email(user.email):
        transaction.put("email", UniqueName.at(keys.email(address), user_id=user.id))
        transaction.delete("old email", marker(keys.email(user.email), user.id))


def marker(key: Key, user_id: str) -> UniqueName:
    """Stand for a marker that was not read: markers are written once, so their version is 1."""
    return UniqueName.at(key, user_id=user_id, version=1)


def count_admin(transaction: Transaction, amount: int) -> None:
    """Count active admins in the transaction that makes or unmakes one; the last one stays."""
    counter = Counter.at(keys.counter(keys.ADMINS))
    condition = Counter.amount > 1 if amount < 0 else None
    transaction.add("admins", counter, [Counter.amount.add(amount), Counter.version.add(1)], condition)
