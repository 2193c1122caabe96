"""Sends what is in the outbox, by Amazon SES."""

import time
from typing import Any

from chalicelib.db import keys
from chalicelib.db.table import Item, delete_many, get_many, is_expired, query, session
from chalicelib.db.transaction import StaleError, Transaction
from chalicelib.letters.models import Letter
from chalicelib.letters.outbox import TEXTS
from chalicelib.security.aws import FAULTS, Aws
from chalicelib.telemetry.logs import describe, log
from chalicelib.users.models import User
from chalicelib.web.log_lines import job

LEASE = 300  # seconds after which a letter that was not sent is tried again
RUN = 8.0  # seconds after which a run begins no other letter; a function has 15


def send_letters(event: object) -> int:
    """Run on a schedule: send what is in the outbox.

    :returns: how many letters were sent.
    """
    with job("send_letters", event) as run:
        ses, end = Aws(session(), Item.Meta.region).client("sesv2"), time.monotonic() + RUN
        letters = query(Letter, keys.OUTBOX, prefix=keys.LETTERS)
        sent = sum(_deliver(ses, letter) for letter in letters if time.monotonic() < end)
        run.note(sent=sent)
    return sent


def _deliver(ses: Any, letter: Letter) -> bool:
    if not _lease(letter):
        return False
    key = keys.user(letter.user_id)
    user = get_many([key]).get(key)
    if isinstance(user, User) and not _send(ses, letter, user):
        return False
    delete_many([letter.key])
    return isinstance(user, User)


def _lease(letter: Letter) -> bool:
    if is_expired(letter) or letter.leased_until > time.time():
        return False
    work = Transaction()
    work.change(letter, {"leased_until": int(time.time()) + LEASE})
    try:
        work.commit()
    except StaleError:
        return False  # another run has it
    return True


def _send(ses: Any, letter: Letter, user: User) -> bool:
    subject, text = TEXTS[letter.event]
    body = {"Text": {"Data": text.format(username=user.username)}}
    try:
        ses.send_email(
            FromEmailAddress=letter.sender,
            Destination={"ToAddresses": [user.email]},
            Content={"Simple": {"Subject": {"Data": subject}, "Body": body}},
        )
    except FAULTS as error:
        log.warning("letter %s was not sent: %s", letter.id, describe(error))
        return False
    return True
