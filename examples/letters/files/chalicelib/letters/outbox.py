"""The outbox: a listener that writes letters in the transaction of what they tell of."""

import time

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.events import Event
from chalicelib.letters.models import Letter

KEPT = 86400  # seconds for which delivery is attempted
# By event: subject and text, with a place for the username.
TEXTS = {
    "user_creation": ("Welcome", "Hello {username},\n\nyour account is ready.\n"),
    "password_change": (
        "Your password was changed",
        "Hello {username},\n\nyour password was changed. If it was not you, contact us at once.\n",
    ),
}


def write_letter(context: Context, event: Event) -> None:
    """Put a letter into the outbox, if an event has one and the stage sends email."""
    sender = context.settings.mail_from
    if not sender or event.user_id is None or event.name not in TEXTS:
        return
    letter_id = keys.new_id()
    letter = Letter.at(
        keys.letter(letter_id),
        id=letter_id,
        user_id=event.user_id,
        event=event.name,
        sender=sender,
        expires_at=int(time.time()) + KEPT,
    )
    context.work.put(letter)
