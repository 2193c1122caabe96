"""The rule for letters: each is sent, or given up after a day."""

from collections.abc import Iterator
from datetime import timedelta

from chalicelib.db import keys
from chalicelib.db.table import Item, now
from chalicelib.letters.models import Letter
from tasks.data.findings import Finding
from tasks.data.items import Found

STUCK = timedelta(hours=26)  # a day, and the longest wait between two attempts


def is_letter(item: Item) -> bool:
    """Whether an item is a letter."""
    return isinstance(item, Letter)


def judge(letter: Letter, _: Found) -> Iterator[Finding]:
    """Report a letter that nobody has taken up."""
    written = keys.moment_of(letter.id)
    if now() - written > STUCK:
        text = f"a letter waits since {written:%F %T} UTC: does send_letters run?"
        yield Finding(letter.key, text, "look at the function's log, and at the settings MAIL and MAIL_FROM")
