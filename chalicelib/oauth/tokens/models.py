"""Refresh token families, the tombstones of used tokens, and the denylist."""

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.personal import NOT_PERSONAL, Personal, Place, shown
from chalicelib.db.table import Item


class TokenFamily(Item, discriminator="token_family"):
    """One sign-in at one client: the refresh tokens that follow from it, of which one is current."""

    personal = Personal(
        places=lambda person: [Place(keys.user(person.id).pk, keys.FAMILIES)],
        show=shown(
            "family_id",
            "client_id",
            "scope",
            "idle_until",
            "absolute_until",
            "is_revoked",
            "created",
            "updated",
        ),
    )

    family_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    client_id = UnicodeAttribute()
    registration_id = UnicodeAttribute(null=True)  # the client's
    scope = UnicodeAttribute()
    credentials_version = NumberAttribute()
    token_hash = UnicodeAttribute()
    idle_until = NumberAttribute()  # seconds since 1970
    absolute_until = NumberAttribute()  # seconds since 1970
    consent_id = UnicodeAttribute(null=True)  # what it lives and dies with, after a sign-in by code
    is_revoked = BooleanAttribute(default=False)
    # Filled in where a list shows them, never stored.
    client_name: str = ""
    is_current: bool = False


class UsedRefreshToken(Item, discriminator="used_refresh_token"):
    """The tombstone of a refresh token that was used; `successor_hash` is of the token given for it."""

    personal = Personal(
        places=lambda person: [Place(keys.user(person.id).pk, keys.USED_TOKENS)],
        show=shown("family_id", "created"),
    )

    family_id = UnicodeAttribute()
    successor_hash = UnicodeAttribute(null=True)


class RevokedToken(Item, discriminator="revoked_token"):
    """Denylist entry of an access token, kept until the token expires."""

    personal = NOT_PERSONAL
