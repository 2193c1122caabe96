"""What users let clients do."""

from typing import Any

from pynamodb.attributes import ListAttribute, UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.personal import Personal, Place, shown
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction
from chalicelib.errors import ApiError


class Consent(Item, discriminator="consent"):
    """What a user lets a client do; without it, all that the client got by code is void.

    It says what the page showed when the user consented: of which registration, under which name, and the
    origins that it sent the browser to, the last ones last. Without them the user is asked again.
    """

    SCHEMA = 2
    personal = Personal(
        places=lambda person: [Place(keys.user(person.id).pk, keys.CONSENTS)],
        show=shown("client_id", "client_name", "destinations", "scope", "created", "updated"),
    )

    consent_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    client_id = UnicodeAttribute()
    registration_id = UnicodeAttribute(null=True)  # the client's
    client_name = UnicodeAttribute(default="")
    destinations: ListAttribute[Any] = ListAttribute(default=list)
    scope = UnicodeAttribute()

    def counted(self) -> tuple[str, ...]:
        """Return the counters that this item is counted in."""
        return (keys.consents_of(self.user_id),)


def require_consent(
    work: Transaction, user_id: str, client_id: str, consent_id: str, *, otherwise: ApiError | None = None
) -> None:
    """Make work depend on the user's consent, which has to stand."""
    condition = Consent.consent_id == consent_id
    work.check(Consent, keys.consent(user_id, client_id), condition, otherwise=otherwise)
