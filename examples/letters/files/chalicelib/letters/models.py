"""Letters that are not sent yet."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.db.table import Item


class Letter(Item, discriminator="letter"):
    """An email in the outbox; it has no address, so it goes to the one that the account has by then.

    :param event: what it tells of.
    :param sender: the address that it is sent from.
    :param leased_until: seconds since 1970 until which one run of the job has it for itself.
    """

    id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    event = UnicodeAttribute()
    sender = UnicodeAttribute()
    leased_until = NumberAttribute(default=0)
