"""Every POST that heeds an Idempotency-Key, ready to be sent again."""

from dataclasses import dataclass
from typing import Any

import app as application
from chalicelib.web.operation import Operation
from tests.api.owned import RESOURCES
from tests.http import Answer, Client
from tests.support import dump_table

TEAMS = "/api/v1/teams"
CLIENTS = "/api/v1/auth/oauth2_clients"
NEW_USER = {
    "username": "ada",
    "email": "ada@test.example",
    "password": "analytical engine",
    "recaptcha_key": "secret_key",
}
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
# By operation: what is sent; ids are filled in.
POSTS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "create_user": ("/api/v1/users", NEW_USER),
    "create_team": (TEAMS, {"title": "Looms"}),
    "create_member": (f"{TEAMS}/{{team}}/members", {"user_id": "{other}"}),
    "create_oauth2_client": (CLIENTS, {"client_name": "Looms"}),
    "rotate_oauth2_client_secret": (f"{CLIENTS}/own/secret", None),
}


@dataclass
class Sender:
    """Sends the requests as the user; a sign-up as nobody."""

    api: Client
    token: str
    ids: dict[str, str]

    def __call__(self, name: str, key: str | None = KEY, data: Any = None, **more: Any) -> Answer:
        """Send a request by the name of its operation."""
        path, body = POSTS[name]
        filled = {field: value.format(**self.ids) for field, value in (data or body or {}).items()}
        headers = {} if key is None else {"Idempotency-Key": key}
        token = None if name == "create_user" else self.token
        sent = {"token": token, "data": filled if body else None, "headers": headers, **more}
        return self.api("POST", path.format(**self.ids), **sent)


def lasting(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """What of an answer stays the same when it is given again."""
    passing = ("ratelimit", "x-request-id", "idempotent-replayed", "date")
    kept = {name: value for name, value in answer.headers.items() if not name.startswith(passing)}
    return answer.status, kept, answer.body


def effects() -> list[dict[str, Any]]:
    """Everything in the table but the counts of rate limits."""
    return sorted((each for each in dump_table() if each["kind"]["S"] != "tally"), key=str)


def documented() -> list[Operation]:
    """List the operations but those of generated resources, which have a page of their own."""
    found = [each for methods in application.api.operations.values() for each in methods.values()]
    return [each for each in found if each.handler.__module__.split(".")[1] not in RESOURCES]
