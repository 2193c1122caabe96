"""The outbox: a listener that writes letters in the transaction of what they tell of.

A letter that is sent by a handler is lost when the function dies in between, or is sent for something that
was refused. This one is written with its cause, or not at all; a job delivers it (delivery.py).

Another letter is a line in TEMPLATES, and a text in `texts/` by the name of its event.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.events import Event
from chalicelib.events import Letter as Facts
from chalicelib.letters.models import Letter
from chalicelib.users.links import place_of

DAY = timedelta(days=1)
KEPT = 14 * 86400  # seconds until TTL sweeps what no job took up for so long


@dataclass(frozen=True, kw_only=True)
class Template:
    """A kind of letter.

    :param link: path of the page that opens its link.
    :param purpose: of an account's link; without one, the link is that of an invitation.
    :param lasts: how long the link works: after that, a letter that was not sent yet is given up.
    :param page: path of a page that the text refers to.
    :param needs: without these (link, to, values), an event is not told.
    :param to_others: whoever did it by himself is not told.
    :param anonymous: the letter does not say whose it is: the account is gone.
    """

    link: str | None = None
    purpose: str = ""
    lasts: timedelta = DAY
    page: str | None = None
    needs: tuple[str, ...] = ()
    to_others: bool = False
    anonymous: bool = False

    def place(self, link: str) -> Key:
        """Return the key of what is there while a link works; without it no letter is sent."""
        return place_of(link, self.purpose) if self.purpose else keys.invitation_place(link)

    def fits(self, event: Event) -> bool:
        """Whether an event is told."""
        facts = event.letter or Facts()
        if not (event.user_id or facts.to) or (self.to_others and event.actor_id == event.user_id):
            return False
        return all(getattr(facts, each) for each in self.needs)


VERIFICATION = Template(link="/account/verify", purpose="email_verification", needs=("link",))
TEMPLATES: dict[str, Template] = {
    "account_erasure": Template(needs=("to",), anonymous=True),
    "email_change": Template(link="/account/undo", purpose="email_undo", lasts=3 * DAY, needs=("to",)),
    "email_change_request": Template(link="/account/confirm", purpose="email_change", needs=("to", "link")),
    "email_verification": VERIFICATION,
    "invitation": Template(link="/account/invitation", lasts=7 * DAY, needs=("to", "link")),
    "member_addition": Template(needs=("values",), to_others=True),
    "password_change": Template(page="/account/forgotten"),
    "password_reset_request": Template(
        link="/account/reset", purpose="password_reset", lasts=timedelta(minutes=30), needs=("link",)
    ),
    "sign_up_with_taken_email": Template(page="/account/forgotten"),
    "user_creation": VERIFICATION,
}


def write_letter(context: Context, event: Event) -> None:
    """Put a letter into the outbox, if an event has one and the stage sends email."""
    template, facts = TEMPLATES.get(event.name), event.letter or Facts()
    is_told = context.settings.mail and event.outcome == "success"
    if template is None or not is_told or not template.fits(event):
        return
    letter_id, now = keys.new_id(), int(time.time())
    user_id = None if template.anonymous else event.user_id
    recipient = letter_id if template.anonymous else keys.unique(facts.to or "", keys.MAX_EMAIL)
    letter = Letter.at(
        keys.letter_about(user_id, letter_id) if user_id else keys.letter_to(recipient, letter_id),
        id=letter_id,
        event=event.name,
        user_id=user_id,
        to=facts.to,
        link=facts.link,
        values=dict(facts.values),
        due=now,
        expires_at=now + KEPT,
    )
    context.work.put(letter)
