"""Events that are told, the outbox, and runs of the job."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.table import query
from chalicelib.events import Event, EventName
from chalicelib.events import Letter as Facts
from chalicelib.letters import delivery
from chalicelib.letters.message import Message
from chalicelib.letters.models import Letter
from chalicelib.letters.outbox import TEMPLATES, write_letter
from chalicelib.listeners import LISTENERS
from chalicelib.users.models import Link
from tests.support import NOBODY, a_context, perform

ADDRESS = "ada@test.example"


def outbox() -> list[Letter]:
    """What is not sent yet."""
    return query(Letter, keys.OUTBOX)


def tell(context: Context, event: Event) -> None:
    """Emit an event that the outbox hears."""
    replace(context, listeners=(write_letter,), work=context.work).emit(event)


def make_link(context: Context, link: Link) -> None:
    """Write the item that is there while a link works."""
    context.work.put(link)


def told(name: EventName, user_id: str | None = None, **facts: Any) -> Letter:
    """Write the letter of an event."""
    before = {letter.id for letter in outbox()}
    link = facts.get("link")
    if link:
        until = int(keys.moment_of(link).timestamp()) + 7 * 86400
        place = TEMPLATES[name].place(link)
        values = {"purpose": "", "link_id": link, "address": "", "credentials_version": 0}
        perform(make_link, Link.at(place, user_id=user_id or NOBODY, expires_at=until, **values))
    perform(tell, Event(name=name, user_id=user_id, letter=Facts(**facts)))
    (letter,) = (letter for letter in outbox() if letter.id not in before)
    return letter


def run(send: Callable[[Message], None] | None = None) -> dict[str, int]:
    """Run the job once."""
    return delivery.deliver(a_context(listeners=LISTENERS), delivery.due(), send)
