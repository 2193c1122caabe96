"""Delivers the outbox: at least once, and for something that was refused never.

Each attempt is leased first: the letter is due again only after a wait, which grows with each attempt. A run
that dies leaves the letter to the next one. A letter is sent again only if the run died between sending and
deleting it, or if the server's answer was lost; the repetition has the same Message-ID.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import get_many, query
from chalicelib.db.transaction import StaleError
from chalicelib.events import Event
from chalicelib.letters.message import Message, write
from chalicelib.letters.models import Letter
from chalicelib.letters.outbox import DAY, TEMPLATES, Template
from chalicelib.letters.senders import NotSentError, Send, sender_of
from chalicelib.security.links import token_of
from chalicelib.settings import LOCAL_URL, running
from chalicelib.telemetry.logs import log
from chalicelib.telemetry.measure import count
from chalicelib.users.links import ID
from chalicelib.users.models import User

MOST = 100  # letters that one run takes up
RUN = 30.0  # seconds after which a run begins no other letter; the function has 60
FIRST_WAIT = 120  # seconds, more than the function has: a lease outlives whoever took it
LONGEST_WAIT = 3600  # seconds
SENT, FAILED, GIVEN_UP, DROPPED, LEFT = "sent", "failed", "given_up", "dropped", "left"


def due() -> list[Letter]:
    """Read the letters that are due, those that wait longest first."""
    found = query(Letter, keys.OUTBOX, limit=MOST)
    return [letter for letter in found if letter.due <= time.time()]


def named_in(records: Iterable[Mapping[str, Any]]) -> list[Letter]:
    """Read the letters that records of the table's stream name."""
    places = [record["dynamodb"]["Keys"] for record in records]
    wanted = [Key(place["pk"]["S"], place["sk"]["S"]) for place in places][:MOST]
    return [item for item in get_many(wanted).values() if isinstance(item, Letter)]


def deliver(context: Context, letters: Iterable[Letter], send: Send | None = None) -> dict[str, int]:
    """Send letters, and return how many had which outcome.

    :param context: what to derive others from; each write is a transaction of its own.
    :param send: how; by default as the settings say.
    """
    end, waiting = time.monotonic() + RUN, list(letters)
    if not waiting or not context.settings.mail:
        return {}
    send = send or sender_of(context.settings, context.keyring.smtp_login)
    return dict(Counter(_handle(context, send, letter) for letter in waiting if time.monotonic() < end))


def _handle(context: Context, send: Send, letter: Letter) -> str:
    """Bring one letter a step further, and return what became of it."""
    template = TEMPLATES.get(letter.event)
    if letter.due > time.time():
        return LEFT  # another run has it
    if template is None:
        return _delete(context, letter, DROPPED)
    if time.time() >= deadline(letter, template).timestamp():
        return _give_up(context, letter)
    return _attempt(context, send, letter, template) if _lease(context, letter) else LEFT


def _attempt(context: Context, send: Send, letter: Letter, template: Template) -> str:
    recipient = _recipient(letter, template)
    if recipient is None:
        return _delete(context, letter, DROPPED)
    try:
        send(_message(context, letter, template, *recipient))
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not keep other letters waiting
        said = str(error) if isinstance(error, (NotSentError, LookupError)) else type(error).__name__
        log.warning("letter %s was not sent: %s", letter.id, said)
        return FAILED
    return _delete(context, letter, SENT)


def _recipient(letter: Letter, template: Template) -> tuple[str, str] | None:
    """Return address and username; None if the account or the link is gone."""
    account = keys.user(letter.user_id) if letter.user_id else None
    place = template.place(letter.link) if letter.link else None
    wanted = [key for key in (account, place) if key]
    found = get_many(wanted)
    if len(found) < len(wanted):
        return None
    user = found.get(account) if account else None
    address, username = (user.email, user.username) if isinstance(user, User) else ("", "")
    return letter.to or address, username


def _message(context: Context, letter: Letter, template: Template, to: str, username: str) -> Message:
    base, sender = base_url(context), context.settings.mail_from or ""
    values = {"username": username, **letter.values, "service": service_of(context)}
    if template.page:
        values["page"] = base + template.page
    if template.link and letter.link:
        values["link"] = f"{base}{template.link}?token={token_of(context.keyring, letter.link)}"
    created = keys.moment_of(letter.id)
    return write(letter.event, values, letter_id=letter.id, created=created, sender=sender, to=to)


def _lease(context: Context, letter: Letter) -> bool:
    attempts, context = int(letter.attempts) + 1, context.again()
    until = int(time.time() + wait_after(attempts))
    changes = {"attempts": attempts, "due": until, "gsi1sk": keys.due(until, letter.id)}
    context.work.change(letter, changes)
    return _commit(context)


def _give_up(context: Context, letter: Letter) -> str:
    details = {"letter": letter.event}
    event = Event(name="letter_delivery", user_id=letter.user_id, outcome="failure", details=details)
    outcome = _delete(context, letter, GIVEN_UP, event)
    if outcome == GIVEN_UP:
        count("letters_given_up")
    return outcome


def _delete(context: Context, letter: Letter, outcome: str, event: Event | None = None) -> str:
    context = context.again()
    context.work.delete(letter)
    if event:
        context.emit(event)
    return outcome if _commit(context) else LEFT


def _commit(context: Context) -> bool:
    """Write something, and return whether the letter was still the one that was read."""
    try:
        context.commit()
    except StaleError:
        return False
    return True


def wait_after(attempts: int) -> int:
    """Return the seconds between an attempt and the next one."""
    return int(min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT))


def deadline(letter: Letter, template: Template) -> datetime:
    """Return when a letter is given up: after a day, or when its link ends."""
    end = keys.moment_of(letter.id) + DAY
    return min(end, keys.moment_of(letter.link[-ID:]) + template.lasts) if letter.link else end


def base_url(context: Context) -> str:
    """Return what links begin with.

    :raises LookupError: no request says so, and PUBLIC_URL does not either.
    """
    settings = context.settings
    local = running().get("url", LOCAL_URL) if settings.is_local else None
    found = settings.public_url or local
    if not found:
        raise LookupError("PUBLIC_URL is not set: links need it")
    return found.rstrip("/")


def service_of(context: Context) -> str:
    """Return the name that letters are from."""
    name, _, address = (context.settings.mail_from or "").rpartition("<")
    return name.strip() or address.strip("<>").rpartition("@")[2]
