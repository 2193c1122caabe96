"""The end of an account: access ends in one transaction, what it leaves is erased in the background."""

from collections.abc import Sequence
from datetime import timedelta

from chalicelib.context import Context
from chalicelib.db import counters, keys
from chalicelib.db.clean_up import SETTLED, delete_each, work_off
from chalicelib.db.companions import with_entries
from chalicelib.db.personal import Person
from chalicelib.db.table import BATCH_WRITE_LIMIT, Item, delete_many, query
from chalicelib.events import Event, Letter
from chalicelib.privacy.kinds import Source, person_of, sources
from chalicelib.privacy.models import Erasure
from chalicelib.teams.actions import give_up_leaderships
from chalicelib.users.actions import remove_user
from chalicelib.users.models import User


def erase_user(context: Context, user: User) -> None:
    """Erase an account: with its item all access is gone, and its names are free.

    What else names the person is noted for `clean_up`, in the same transaction.

    :raises ConflictError: this is the last active admin, or the last leader of a team; so does the commit.
    """
    give_up_leaderships(context, user.id)
    remove_user(context, user)
    context.work.put(Erasure.at(keys.erasure(user.id), user_id=user.id, email=person_of(user).email))
    context.emit(Event(name="account_erasure", user_id=user.id, letter=Letter(to=user.email)))


def clean_up(settled: timedelta = SETTLED) -> int:
    """Erase what erased accounts left; see `work_off`."""
    return work_off(query(Erasure, keys.CLEANUPS, prefix=keys.CLEANUP_USERS), _erase, settled)


def _erase(note: Erasure) -> int:
    done, person = 0, Person(note.user_id, note.email)
    for source in sources(person):
        after = ""
        while items := source.read(after, BATCH_WRITE_LIMIT):
            done += _erase_batch(source, items, person)
            after = source.position(items[-1])
    return done


def _erase_batch(source: Source, items: Sequence[Item], person: Person) -> int:
    erase = source.kind.personal.erase
    if erase:
        return erase(items, person)
    if any(item.unique() for item in items):
        return delete_each(items)  # a marker may be somebody else's by now
    # Counters first: what is counted leads to them.
    own = {name for item in items for name in item.counted() if person.id in name}
    for name in sorted(own):
        delete_many(counters.every_shard(name))
    delete_many([key for item in items for key in with_entries(item)])
    return len(items)
