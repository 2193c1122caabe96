"""OAuth2 clients, refresh token families and the denylist."""

from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
)

from chalicelib.db import counters, keys
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction

CONFIDENTIAL, PUBLIC_CLIENT = "confidential", "public"


class OAuth2Client(Item, discriminator="oauth2_client"):
    """A registered client; of its secrets (256 random bits) only SHA-256 is kept.

    Whatever a client was given belongs to its `registration_id`: a client id may be registered again after
    its deletion. Clients that were registered before there were such ids have none.
    """

    client_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    client_name = UnicodeAttribute(default="")
    client_type = UnicodeAttribute(default=CONFIDENTIAL)
    secret_hash = UnicodeAttribute(null=True)
    previous_secret_hash = UnicodeAttribute(null=True)
    previous_secret_until = NumberAttribute(default=0)  # seconds since 1970
    redirect_uris: ListAttribute[Any] = ListAttribute(default=list)
    default_scopes: ListAttribute[Any] = ListAttribute(default=list)
    grant_types: ListAttribute[Any] = ListAttribute(default=list)
    is_active = BooleanAttribute(default=True)  # admins suspend it
    registration_id = UnicodeAttribute(null=True, default_for_new=keys.new_id)
    client_secret: str | None = None  # shown once, never stored

    def listed(self) -> tuple[str, str]:
        """Give the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return keys.clients_of(self.user_id), self.client_id

    @property
    def shown_name(self) -> str:
        """What people know it by."""
        return self.client_name or self.client_id


class TokenFamily(Item, discriminator="token_family"):
    """One sign-in at one client: the refresh tokens that follow from it, of which one is current."""

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
    """The tombstone of a refresh token, made when it was used.

    `successor_hash` is the hash of the token that was given for it.
    """

    family_id = UnicodeAttribute()
    successor_hash = UnicodeAttribute(null=True)


class Consent(Item, discriminator="consent"):
    """What a user lets a client do; without it, all that the client got by code is void.

    It says what the page showed when the user consented: of which registration, under which name, and the
    origins that it sent the browser to, the last ones last. Without them the user is asked again.
    """

    SCHEMA = 2

    consent_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    client_id = UnicodeAttribute()
    registration_id = UnicodeAttribute(null=True)  # the client's
    client_name = UnicodeAttribute(default="")
    destinations: ListAttribute[Any] = ListAttribute(default=list)
    scope = UnicodeAttribute()

    def counted(self) -> tuple[str, ...]:
        """Name the counters that this item is counted in."""
        return (keys.consents_of(self.user_id),)


class AuthorizationCode(Item, discriminator="authorization_code"):
    """An authorization code; of its text only SHA-256 is kept, also after its use, to know it again.

    `names_redirect_uri` tells whether the request named its redirect URI, so that the exchange has to, too;
    `family_id` is the family that its use starts.
    """

    user_id = UnicodeAttribute()
    client_id = UnicodeAttribute()
    registration_id = UnicodeAttribute(null=True)  # the client's
    consent_id = UnicodeAttribute()
    family_id = UnicodeAttribute()
    redirect_uri = UnicodeAttribute()
    names_redirect_uri = BooleanAttribute(default=True)
    scope = UnicodeAttribute()
    code_challenge = UnicodeAttribute()
    credentials_version = NumberAttribute()
    valid_until = NumberAttribute()  # seconds since 1970
    is_used = BooleanAttribute(default=False)


class UsedTicket(Item, discriminator="used_ticket"):
    """The consent page that it was on is answered: it counts once."""


class RevokedToken(Item, discriminator="revoked_token"):
    """Denylist entry of an access token, kept until the token expires by itself."""


def create_client(client: OAuth2Client, transaction: Transaction | None = None) -> None:
    """Write a client and count it among its owner's.

    :param transaction: what else belongs to it.
    :raises ConditionFailedError: "client": there is one with this id.
    """
    transaction = transaction or Transaction()
    transaction.put("client", client)
    counters.add(transaction, keys.clients_of(client.user_id), 1)
    transaction.commit()


def change_client(
    client: OAuth2Client, values: dict[str, object], transaction: Transaction | None = None
) -> None:
    """Write changed fields.

    :param transaction: what else belongs to it.
    :raises ConditionFailedError: "item" changed meanwhile.
    """
    transaction = transaction or Transaction()
    transaction.change("item", client, values)
    transaction.commit()


def delete_client(client: OAuth2Client, transaction: Transaction | None = None) -> None:
    """Delete a client: its tokens end with it, since each request looks for the client.

    :param transaction: what else belongs to it.
    :raises ConditionFailedError: "item" changed meanwhile.
    """
    transaction = transaction or Transaction()
    transaction.delete("item", client)
    counters.add(transaction, keys.clients_of(client.user_id), -1)
    transaction.commit()
