"""Letters for operators: those that wait, and when they are tried again."""

import time
from datetime import UTC, datetime

from chalicelib.context import Context, run
from chalicelib.db import keys
from chalicelib.db.table import query
from chalicelib.letters.models import Letter
from tasks.errors import TaskError


def show(limit: int | None) -> None:
    """Print the letters that wait, those that are due first; without a limit, all of them."""
    letters = query(Letter, keys.OUTBOX, limit=limit)
    for letter in letters:
        due = datetime.fromtimestamp(float(letter.due), UTC)
        tried = f"{letter.attempts} attempts, due {due:%F %T} UTC"
        recipient = letter.to or f"user {letter.user_id}"
        print(f"{letter.id}  {letter.event}  to {recipient}  {tried}")
    print(f"{len(letters)} letters wait.")


def resend(context: Context, letter_id: str) -> int:
    """Have the next run of the job try letters that wait for another attempt, and return how many.

    :param letter_id: one of them; empty for all.
    """
    found = [letter for letter in query(Letter, keys.OUTBOX) if letter_id in ("", letter.id)]
    if letter_id and not found:
        raise TaskError(f"No letter with this id waits: {letter_id}")
    waiting = [letter for letter in found if letter.due > time.time()]
    for letter in waiting:
        run(context, lambda fresh, letter=letter: _make_due(fresh, letter))  # type: ignore[misc]
    return len(waiting)


def _make_due(context: Context, letter: Letter) -> None:
    context.read([letter.key])
    found = context.find(Letter, letter.key)
    if found:  # else it was sent in the meantime
        now = int(time.time())
        context.work.change(found, {"due": now, "gsi1sk": keys.due(now, found.id)})
