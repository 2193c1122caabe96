"""Reads the audit trail through the API, and writes to it directly."""

from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.audit.models import AuditEvent
from chalicelib.db import keys
from chalicelib.users.models import User
from tests.http import Answer, Client
from tests.support import TokenFor

AUDIT = "/api/v1/audit"
SOURCE = "198.51.100.9"


class Trail:
    """Reads the audit trail as an admin."""

    def __init__(self, api: Client, token: str) -> None:
        self.api = api
        self.token = token

    def ask(self, **query: Any) -> Answer:
        """Ask for events."""
        text = "&".join(f"{name.rstrip('_')}={quote(str(value))}" for name, value in query.items())
        return self.api("GET", f"{AUDIT}?{text}", token=self.token)

    def __call__(self, **query: Any) -> list[dict[str, Any]]:
        """Return the events of an answer, newest first."""
        answer = self.ask(**query)
        assert answer.status == 200, answer.body
        found: list[dict[str, Any]] = answer.json
        return found

    def names(self, **query: Any) -> list[str]:
        """Return the names of the events, newest first."""
        return [event["event"] for event in self(**query)]


@pytest.fixture
def trail(api: Client, admin: User, token_for: TokenFor) -> Trail:
    """The audit trail as an admin sees it."""
    return Trail(api, token_for(admin))


def write_event(user: User | None, event_id: str) -> None:
    """Write an event with a given time."""
    user_id = user.id if user else None
    AuditEvent.at(
        keys.audit_event(event_id, user_id),
        id=event_id,
        event="sign_in",
        outcome="success",
        user_id=user_id,
        address=SOURCE,
        request_id="r",
        created=keys.moment_of(event_id),
    ).save()
