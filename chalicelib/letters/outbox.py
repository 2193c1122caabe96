"""The outbox: a listener that writes letters in the transaction of what they tell of.

A letter that is sent by a handler is lost when the function dies in between, or is sent for something that
was refused. This one is written with its cause, or not at all; a job delivers it (delivery.py).
"""

import time

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.events import Event
from chalicelib.letters.models import KEPT, Letter
from chalicelib.letters.templates import NO_FACTS, TEMPLATES, Template


def write_letter(context: Context, event: Event) -> None:
    """Put a letter into the outbox, if an event has one and the stage sends email."""
    template = TEMPLATES.get(event.name)
    if (
        template is None
        or not context.settings.mail
        or event.outcome != "success"
        or not template.fits(event)
    ):
        return
    facts, letter_id, now = event.letter or NO_FACTS, keys.new_id(), time.time()
    letter = Letter.at(
        _key(template, event, letter_id),
        id=letter_id,
        event=event.name,
        user_id=None if template.anonymous else event.user_id,
        to=facts.to,
        link=facts.link,
        values=dict(facts.values),
        due=int(now),
        expires_at=int(now + KEPT.total_seconds()),
    )
    context.work.put(letter)


def _key(template: Template, event: Event, letter_id: str) -> Key:
    if template.anonymous:
        return keys.letter_to(letter_id, letter_id)
    if event.user_id:
        return keys.letter_about(event.user_id, letter_id)
    address = event.letter.to if event.letter else None
    return keys.letter_to(keys.unique(address or letter_id, keys.MAX_EMAIL), letter_id)
