"""The audit trail: a listener that writes what happens, in the transaction that makes it happen."""

from datetime import timedelta
from typing import Any

from chalicelib.audit.models import AuditEvent
from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.events import Event

MAX_TEXT = 128  # characters of what the gateway says of a request


def record(context: Context, event: Event) -> None:
    """Add an event to the work that makes it happen: both are written, or neither.

    An account that did something to another one has the event in its own listing, too.
    """
    event_id = keys.new_id()
    made = keys.moment_of(event_id)
    values: dict[str, Any] = {
        "id": event_id,
        "event": event.name,
        "outcome": event.outcome,
        "actor_id": event.actor_id,
        "user_id": event.user_id,
        "client_id": event.client_id,
        "address": context.source[:MAX_TEXT],
        "request_id": context.request_id[:MAX_TEXT],
        "details": dict(event.details),
        "created": made,
        "expires_at": int((made + timedelta(days=context.settings.audit_days)).timestamp()),
    }
    user_id, actor_id = event.user_id, event.actor_id
    context.work.put(AuditEvent.at(keys.audit_event(event_id, user_id or actor_id), **values))
    if user_id and actor_id and actor_id != user_id:
        # not in the listing of all events: it has this one already
        context.work.put(AuditEvent.at(keys.audit_event(event_id, actor_id), **values))
