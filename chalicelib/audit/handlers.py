"""The audit trail: who did what, when and from where."""

from datetime import timedelta
from typing import Any

from chalicelib.audit.models import newest
from chalicelib.audit.schemas import AuditEventSchema, AuditQuery
from chalicelib.db import keys
from chalicelib.db.table import now
from chalicelib.scopes import AUTH_READ
from chalicelib.web.access import ADMIN, Access
from chalicelib.web.call import Call
from chalicelib.web.operation import Gives, Operation, Reply, Takes
from chalicelib.web.pagination import open_cursor, page_of


@Operation(
    access=Access(ADMIN, scopes=AUTH_READ),
    takes=Takes(query=AuditQuery),
    gives=Gives(AuditEventSchema, many=True),
)
def list_audit_events(call: Call) -> Reply:
    """List events, the newest first; they are not counted, so there is no total."""
    query, limit = call.query, call.query["limit"]
    user_id: str | None = query.get("user_id")
    place = (keys.audit_of(user_id or ""), None)
    least, most = _bounds(call, query)
    if after := open_cursor(call, place):
        most = min(most, keys.id_before(after))
    found = newest(user_id, least, most, limit + 1) if least <= most else []
    return page_of(call, place, found[:limit], found[limit - 1].id if len(found) > limit else "")


def _bounds(call: Call, query: dict[str, Any]) -> tuple[str, str]:
    """Return the lowest and the highest id; what TTL has yet to sweep is gone all the same."""
    kept_from = now() - timedelta(days=call.context.settings.audit_days)
    since, until = query.get("since"), query.get("until")
    least = keys.first_id(max(since, kept_from) if since else kept_from)
    return least, keys.id_before(keys.first_id(until)) if until else keys.LAST_ID
