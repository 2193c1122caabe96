"""Users, and the links that letters bring them."""

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.personal import Personal, Place, shown
from chalicelib.db.table import Item

# The roles of an account: those that admins set over the API, and what else an operator may give.
SETTABLE = ("is_active", "is_regular_user", "is_admin")
GRANTED = (*SETTABLE, "is_internal")


class User(Item, discriminator="user"):
    """An account."""

    personal = Personal(
        places=lambda person: [Place(*keys.user(person.id))],
        show=shown(
            "id",
            "username",
            "email",
            "first_name",
            "middle_name",
            "last_name",
            "is_active",
            "is_regular_user",
            "is_admin",
            "is_internal",
            "is_email_verified",
            "created",
            "updated",
        ),
    )

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
    is_email_verified = BooleanAttribute(default=True)
    # Whether the marker of the address is this account's. Where a sign-up hides whether an address is taken,
    # the first one who confirms it gets the marker.
    claims_email = BooleanAttribute(default=True)
    # Grows when every token of the account must die. A number instead of a time: it has no clock to jump,
    # and a token issued in the very second of the change is on one side of it or the other.
    credentials_version = NumberAttribute(default=0)

    def listed(self) -> tuple[str, str]:
        """Return the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return keys.USERS, self.id

    def counted(self) -> tuple[str, ...]:
        """Return the counters that this item is counted in."""
        return (*super().counted(), *([keys.ADMINS] if self.is_active_admin else []))

    def unique(self) -> dict[str, Key]:
        """Return the keys of the markers of its unique values, by attribute."""
        names = {"username": keys.username(self.username)}
        return names | ({"email": keys.email(self.email)} if self.claims_email else {})

    @property
    def has_confirmed_email(self) -> bool:
        """Whether the address has proven to be this account's, and nobody else's."""
        return bool(self.is_email_verified and self.claims_email)

    @property
    def is_active_admin(self) -> bool:
        """Whether this account counts for the rule that one admin always remains."""
        return bool(self.is_active and self.is_admin)


class Link(Item, discriminator="link"):
    """The link that an account was sent last for a purpose; what opens it is a MAC of its id.

    `address` is where it was sent, or the address that it confirms or restores. Decoys, which are of nobody,
    keep times alike.
    """

    personal = Personal(
        places=lambda person: [Place(keys.user(person.id).pk, keys.LINKS)],
        show=shown("purpose", "address", "created"),
    )

    purpose = UnicodeAttribute()
    link_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    address = UnicodeAttribute()
    credentials_version = NumberAttribute()


def new_user(*, username: str, email: str, password_hash: str, **fields: object) -> User:
    """Return a user with a fresh id; nothing is written yet."""
    user_id = keys.new_id()
    return User.at(
        keys.user(user_id), id=user_id, username=username, email=email, password_hash=password_hash, **fields
    )
