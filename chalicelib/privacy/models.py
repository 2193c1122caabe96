"""Notes of erasures that are not finished."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.table import Item


class Erasure(Item, discriminator="erasure"):
    """Notes that what an erased account left still has to go; it is the last item that does."""

    personal = NOT_PERSONAL

    user_id = UnicodeAttribute()
    email = UnicodeAttribute()
