"""The audit trail: what happened is written in the transaction that makes it happen."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, get_args

from chalicelib.audit.models import AuditEvent
from chalicelib.db import keys
from chalicelib.db.transaction import Transaction
from chalicelib.web.operation import Call

Event = Literal[
    "account_disabling",
    "account_enabling",
    "authorization",
    "client_authentication",
    "client_change",
    "client_creation",
    "client_deletion",
    "client_secret_rotation",
    "code_reuse",
    "consent_withdrawal",
    "email_change",
    "introspection",
    "member_addition",
    "member_removal",
    "password_change",
    "password_confirmation",
    "refresh_token_reuse",
    "role_change",
    "session_ending",
    "sign_in",
    "team_change",
    "team_creation",
    "team_deletion",
    "token_revocation",
    "user_creation",
]
Reason = Literal[
    "account is disabled", "public client", "unknown client", "unknown user", "wrong password", "wrong secret"
]
Outcome = Literal["success", "failure"]
Detail = str | bool | list[str]
EVENTS: tuple[str, ...] = get_args(Event)
REASONS: tuple[str, ...] = get_args(Reason)
OUTCOMES: tuple[str, ...] = get_args(Outcome)
MOST = 128  # characters of what the gateway says of a request


def record(
    transaction: Transaction,
    call: Call,
    event: Event,
    *,
    user_id: str | None = None,
    actor_id: str | None = None,
    client_id: str | None = None,
    outcome: Outcome = "success",
    details: Mapping[str, Detail] | None = None,
) -> None:
    """Add an event to the transaction of what happened: both are written, or neither.

    An account that did something to another one has the event in its own listing, too.

    :param user_id: the account that it was done to.
    :param actor_id: the account that did it, where the call has no access token to tell.
    :param client_id: the OAuth2 client through which it came, likewise.
    :param details: what else an admin needs to know: ids, names of fields, roles. Never a secret, and no text
        of a caller: people type passwords into the wrong field.
    """
    if call.caller:
        actor_id, client_id = call.caller.id, call.caller.claims.client_id
    event_id = keys.new_id()
    made = keys.moment_of(event_id)
    values: dict[str, Any] = {
        "id": event_id,
        "event": event,
        "outcome": outcome,
        "actor_id": actor_id,
        "user_id": user_id,
        "client_id": client_id,
        "address": call.request.source[:MOST],
        "request_id": call.request.request_id[:MOST],
        "details": dict(details or {}),
        "created": made,
        "expires_at": int((made + timedelta(days=call.settings.audit_days)).timestamp()),
    }
    transaction.put("audit", AuditEvent.at(keys.audit_event(event_id, user_id or actor_id), **values))
    if user_id and actor_id and actor_id != user_id:
        # not in the listing of all events: it has this one already
        transaction.put("audit", AuditEvent.at(keys.audit_event(event_id, actor_id), **values))
