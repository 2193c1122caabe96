"""Which events are told by letter, and what their letters need; the texts are files in `texts/`.

Another letter is a line here, and a text by the name of its event.
"""

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.events import Event
from chalicelib.events import Letter as Facts
from chalicelib.users.links import place_of

DAY = timedelta(days=1)
NO_FACTS = Facts()


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
        facts = event.letter or NO_FACTS
        is_own = event.user_id is not None and event.actor_id == event.user_id
        has_address = event.user_id is not None or facts.to is not None
        return (
            has_address
            and not (is_own and self.to_others)
            and all(getattr(facts, each) for each in self.needs)
        )


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
