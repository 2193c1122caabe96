"""Letters that are not sent yet."""

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.personal import Personal, Place, shown
from chalicelib.db.table import Item


class Letter(Item, discriminator="letter"):
    """A letter in the outbox. It is deleted when it is sent, so nothing of it stays.

    The letters of an account are in its partition, those to an address without an account under the address
    (`keys.letter_about`, `keys.letter_to`): whoever erases a person reads both.

    :param event: the event that it tells of; its template is that of the event.
    :param to: the address, where it is not the one that the account has when the letter is sent.
    :param link: id of the link that it holds; what opens the link is derived from it when it is sent.
    :param values: what the text names, such as the title of a team.
    :param attempts: how often it was tried.
    :param due: seconds since 1970 of the next attempt; until then, the last one has it for itself.
    """

    personal = Personal(
        places=lambda person: [
            Place(keys.letter_about(person.id, "").pk, keys.LETTERS),
            Place(keys.letter_to(keys.unique(person.email, keys.MAX_EMAIL), "").pk, keys.LETTERS),
        ],
        show=shown("event", "to", "values", "created"),
    )

    id = UnicodeAttribute()
    event = UnicodeAttribute()
    user_id = UnicodeAttribute(null=True)
    to = UnicodeAttribute(null=True)
    link = UnicodeAttribute(null=True)
    values: JSONAttribute = JSONAttribute(default=dict)
    attempts = NumberAttribute(default=0)
    due = NumberAttribute()

    def listed(self) -> tuple[str, str]:
        """Return the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return keys.OUTBOX, keys.due(self.due, self.id)

    def counted(self) -> tuple[str, ...]:
        """Return no counters: letters are not counted."""
        return ()
