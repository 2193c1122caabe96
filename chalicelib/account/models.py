"""Sign-ins to the account page."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.personal import Personal, Place, shown
from chalicelib.db.table import Item


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
