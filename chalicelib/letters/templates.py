"""Which events are told by letter, and what their letters need; the texts are files in `texts/`.

Another letter is a line here, and a text by the name of its event.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.events import Event
from chalicelib.events import Letter as Facts

DAY = timedelta(days=1)
NO_FACTS = Facts()


@dataclass(frozen=True, kw_only=True)
class Template:
    """A kind of letter.

    :param link: path of the page that opens its link.
    :param place: key of what is there while the link works, by the link's id; without it no letter is sent.
    :param lasts: how long the link works: after that, a letter that was not sent yet is given up.
    :param page: path of a page that the text refers to.
    :param needs: without these (link, to, values), an event is not told.
    :param to_others: whoever did it by himself is not told.
    :param anonymous: the letter does not say whose it is: the account is gone.
    """

    link: str | None = None
    place: Callable[[str], Key] = keys.link_place
    lasts: timedelta = DAY
    page: str | None = None
    needs: tuple[str, ...] = ()
    to_others: bool = False
    anonymous: bool = False

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


TEMPLATES: dict[str, Template] = {
    "account_erasure": Template(needs=("to",), anonymous=True),
    "email_change": Template(link="/account/undo", lasts=3 * DAY, needs=("to",)),
    "email_change_request": Template(link="/account/confirm", needs=("to", "link")),
    "email_verification": Template(link="/account/verify", needs=("link",)),
    "invitation": Template(
        link="/account/invitation", place=keys.invitation_place, lasts=7 * DAY, needs=("to", "link")
    ),
    "member_addition": Template(needs=("values",), to_others=True),
    "password_change": Template(page="/account/forgotten"),
    "password_reset_request": Template(link="/account/reset", lasts=timedelta(minutes=30), needs=("link",)),
    "sign_up_with_taken_email": Template(page="/account/forgotten"),
    "user_creation": Template(link="/account/verify", needs=("link",)),
}
