"""Audit events: written once, never changed, swept by TTL."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from heapq import merge
from itertools import islice
from typing import Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError

from chalicelib.db import keys
from chalicelib.db.personal import Person, Personal, Place
from chalicelib.db.table import Item, query_back

ATTRIBUTES = (
    "id",
    "event",
    "outcome",
    "actor_id",
    "user_id",
    "client_id",
    "address",
    "request_id",
    "details",
    "created",
)

ERASED = "erased"  # in the place of what told where an erased account came from


class AuditEvent(Item, discriminator="audit_event"):
    """Who did what to whom, when and from where; never a secret, nor text that a stranger made up.

    `actor_id` is the account that did it, `user_id` the one that it was done to, `client_id` the OAuth2
    client through which it came.
    """

    personal = Personal(
        places=lambda person: [Place(keys.audit_of(person.id), keys.EVENTS)],
        show=lambda event, person: _shown(event, person),  # noqa: PLW0108 - it is defined below
        erase=lambda events, person: _pseudonymise(events, person),  # noqa: PLW0108
    )

    id = UnicodeAttribute()
    event = UnicodeAttribute()
    outcome = UnicodeAttribute()
    actor_id = UnicodeAttribute(null=True)
    user_id = UnicodeAttribute(null=True)
    client_id = UnicodeAttribute(null=True)
    address = UnicodeAttribute()
    request_id = UnicodeAttribute()
    details: JSONAttribute = JSONAttribute(default=dict)

    def listed(self) -> tuple[str, str] | None:
        """Return the part of the listing of all events that this item is in, and its place there.

        What an account did to another one is in the listings of both, and in that of all events once.
        """
        is_first = self.key == keys.audit_event(self.id, self.user_id or self.actor_id)
        return (keys.audit_shard(self.id), self.id) if is_first else None

    def counted(self) -> tuple[str, ...]:
        """Return no counters: events are not counted."""
        return ()


def newest(user_id: str | None, least: str, most: str, limit: int) -> list[AuditEvent]:
    """Read events, the last ones first: those of an account, or all of them, merged from the shards.

    :param least: the lowest id, and `most` the highest; both are included.
    """
    bounds: dict[str, Any] = {"least": least, "most": most, "limit": limit, "attributes": ATTRIBUTES}
    if user_id:
        return query_back(AuditEvent, keys.audit_of(user_id), prefix=keys.EVENTS, **bounds)
    shards = [query_back(AuditEvent, shard, **bounds) for shard in keys.audit_shards()]
    merged: Iterator[AuditEvent] = merge(*shards, key=lambda event: event.id, reverse=True)
    return list(islice(merged, limit))


def _shown(event: AuditEvent, person: Person) -> dict[str, Any]:
    """Return what an export shows: where somebody else came from is theirs."""
    hidden = () if _is_by(event, person) else ("address", "request_id")
    return {name: None if name in hidden else getattr(event, name) for name in ATTRIBUTES}


def _pseudonymise(events: Sequence[AuditEvent], person: Person) -> int:
    """Take away where a person came from; ids, which lead nowhere by then, stay."""
    known = [event for event in events if _is_by(event, person) and event.address != ERASED]
    for event in known:
        # What was done to somebody else is in that account's listing, too. The person's own copy comes last:
        # by it a run that was stopped goes on.
        for key in dict.fromkeys([keys.audit_event(event.id, event.user_id or event.actor_id), event.key]):
            copy = AuditEvent(*key)
            with suppress(UpdateError):  # it has expired in the meantime
                copy.update(
                    [AuditEvent.address.set(ERASED), AuditEvent.request_id.set(ERASED)],
                    AuditEvent.pk.exists(),
                    add_version_condition=False,
                )
    return len(known)


def _is_by(event: AuditEvent, person: Person) -> bool:
    """Whether a person did it, or probably did, as when a sign-in failed."""
    return event.actor_id in (None, person.id)
