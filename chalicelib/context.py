"""What an action works with: who acts, what was read, and what will be written. It knows no HTTP."""

import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from chalicelib.db.keys import Key
from chalicelib.db.table import Item, backoff, get_many
from chalicelib.db.table import T as ItemT
from chalicelib.db.transaction import StaleError, Transaction
from chalicelib.errors import ApiError, ServiceUnavailableError
from chalicelib.events import Event
from chalicelib.security.keys import Keyring
from chalicelib.security.keystore import Keystore
from chalicelib.settings import Settings

RETRY_FOR = 5.0  # seconds; with the last attempt's own, a call stays below 15
T = TypeVar("T")


@dataclass(kw_only=True)
class Context:
    """One unit of work: actions add to it, and whoever began it commits it once.

    :param source: the address that a request came from, as the gateway saw it.
    :param request_id: names the request in the logs; or the task.
    :param keystore: where signing and MAC keys come from; None for tasks, which need none.
    :param work: what is written if the operation succeeds.
    :param toll: what is demanded and counted whether it succeeds or is refused, such as rate limits.
    :param if_unsure: what the caller should do if it is unknown whether the work was written.
    """

    settings: Settings
    source: str
    request_id: str
    keystore: Keystore | None = None
    listeners: tuple["Listener", ...] = ()
    actor_id: str | None = None
    client_id: str | None = None
    items: dict[Key, Item] = field(default_factory=dict)
    work: Transaction = field(default_factory=Transaction)
    toll: Transaction = field(default_factory=Transaction)
    if_unsure: str | None = None
    _read: set[Key] = field(default_factory=set)
    _answers: dict[Hashable, Any] = field(default_factory=dict)
    _refusal: ApiError | None = None

    @cached_property
    def keyring(self) -> Keyring:
        """The keyring, the same one for the whole unit of work.

        :raises ServiceUnavailableError: it could not be read for too long.
        """
        if self.keystore is None:
            raise LookupError("a task has no keyring")
        return self.keystore.keyring()

    def read(self, keys: Iterable[Key | None]) -> None:
        """Read what was not read yet, in one BatchGetItem; None among the keys is skipped."""
        wanted = [key for key in dict.fromkeys(keys) if key and key not in self._read]
        self._read.update(wanted)
        self.items |= get_many(wanted)

    def find(self, kind: type[ItemT], key: Key | None) -> ItemT | None:
        """Return an item that was read; None if it is absent, or of another kind."""
        item = self.items.get(key) if key else None
        return item if isinstance(item, kind) else None

    def once(self, question: Hashable, ask: Callable[[], T]) -> T:
        """Ask something of the outside world, or something slow, once for all attempts of the work."""
        if question not in self._answers:
            self._answers[question] = ask()
        answer: T = self._answers[question]
        return answer

    def emit(self, event: Event) -> None:
        """Announce what happens: every listener adds its part to the work."""
        event = replace(
            event,
            actor_id=self.actor_id or event.actor_id,
            client_id=self.client_id if self.actor_id else event.client_id,
        )
        for listener in self.listeners:
            listener(self, event)

    def refuse(self, error: ApiError) -> ApiError:
        """Discard the work, begin what is written when this error is raised, and return the error."""
        self.work, self._refusal = Transaction(), error
        return error

    def discard(self, error: ApiError) -> None:
        """Discard the work that an error has ended; what the error itself brings stays."""
        if self._refusal is not error:
            self.work = Transaction()

    def commit(self) -> None:
        """Write the work with its toll, if there is any.

        :raises StaleError: something has changed since it was read.
        :raises ApiError: what the first write whose condition does not hold was given.
        """
        whole = self.work
        if len(self.toll):
            # Another one: should it fail, the toll is still to be written.
            whole = Transaction()
            whole.include(self.toll)
            whole.include(self.work)
        if len(whole):
            whole.commit()

    def commit_refusal(self, error: ApiError) -> None:
        """Write the toll of work that was refused, and what the refusal itself brings.

        :raises ApiError: as `commit` does; it is told in the place of the error.
        """
        self.discard(error)
        self.commit()

    def again(self) -> "Context":
        """Begin the same work once more: nothing is read or written yet, what was asked is known."""
        return replace(self, items={}, _read=set(), work=Transaction(), toll=Transaction(), _refusal=None)


Listener = Callable[[Context, Event], None]


def run(context: Context, action: Callable[[Context], T]) -> T:
    """Run an action as one unit of work, and commit it; again from its reads, where others were faster.

    :raises ApiError: whatever the action or the commit refuses; nothing was written then.
    """

    def attempt() -> T:
        fresh = context.again()
        result = action(fresh)
        fresh.commit()
        return result

    return retry_if_stale(attempt)


def retry_if_stale(attempt: Callable[[], T]) -> T:
    """Run an attempt, and run it again as long as others change what it read; five seconds at most.

    :raises ServiceUnavailableError: others were faster each time.
    """
    deadline, number = time.monotonic() + RETRY_FOR, 0
    while True:
        try:
            return attempt()
        except StaleError as error:
            if time.monotonic() > deadline:
                raise ServiceUnavailableError("Too many writers at once: try again.") from error
            backoff(number)
            number += 1
