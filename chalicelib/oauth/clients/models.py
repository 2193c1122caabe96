"""OAuth2 clients."""

from typing import Any

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.personal import Personal, Place, shown
from chalicelib.db.table import Item

CONFIDENTIAL, PUBLIC_CLIENT = "confidential", "public"
# The grant types that the token endpoint serves.
AUTHORIZATION_CODE = "authorization_code"
CLIENT_CREDENTIALS = "client_credentials"
PASSWORD = "password"  # noqa: S105 - a grant type
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a grant type
GRANT_TYPES = (AUTHORIZATION_CODE, CLIENT_CREDENTIALS, PASSWORD, REFRESH_TOKEN)


class OAuth2Client(Item, discriminator="oauth2_client"):
    """A registered client; of its secrets (256 random bits) only SHA-256 is kept.

    Whatever a client was given belongs to its `registration_id`: a client id may be registered again after
    its deletion. Clients that were registered before there were such ids have none.
    """

    personal = Personal(
        places=lambda person: [Place(keys.clients_of(person.id))],
        show=shown(
            "client_id",
            "client_name",
            "client_type",
            "redirect_uris",
            "default_scopes",
            "grant_types",
            "is_active",
            "created",
            "updated",
        ),
    )

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
        """Return the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return keys.clients_of(self.user_id), self.client_id

    @property
    def shown_name(self) -> str:
        """What people know it by."""
        return self.client_name or self.client_id
