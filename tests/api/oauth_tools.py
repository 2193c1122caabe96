"""What tests of the OAuth2 endpoints have in common: asking, and breaking the database at a chosen step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from chalicelib.db import keys
from chalicelib.db.table import connection, get_many, now, query
from chalicelib.oauth.tokens.families import parse_refresh_token
from chalicelib.oauth.tokens.models import TokenFamily, UsedRefreshToken
from chalicelib.users.models import User
from tests.http import Answer, Client
from tests.target import require_process

TOKEN = "/auth/oauth2/token"
REVOKE = "/auth/oauth2/revoke"
DOCUMENTATION = {"client_id": "documentation"}
UNREACHABLE = EndpointConnectionError(endpoint_url="https://dynamodb.test")
TIMEOUT = ReadTimeoutError(endpoint_url="https://dynamodb.test")


def refresh(api: Client, token: str, **more: str) -> Answer:
    """Use a refresh token as the documentation client."""
    form = {**DOCUMENTATION, "grant_type": "refresh_token", "refresh_token": token}
    return api("POST", TOKEN, form=form | more)


def password(api: Client, username: str, text: str, *, source: str = "203.0.113.7", **more: str) -> Answer:
    """Try a password as the documentation client."""
    form = {**DOCUMENTATION, "grant_type": "password", "username": username, "password": text}
    return api("POST", TOKEN, form=form | more, source=source)


def me(api: Client, access_token: str) -> int:
    """Return the status of a request with an access token."""
    return api("GET", "/api/v1/users/me", token=access_token).status


def error_of(answer: Answer) -> tuple[int, str]:
    """Return the status and the code of an OAuth2 error."""
    return answer.status, answer.json["error"]


def families(user: User) -> list[TokenFamily]:
    """Read the refresh token families of a user."""
    return query(TokenFamily, keys.user(user.id).pk, prefix="FAMILY#")


def let_pass(token: str, seconds: float = 31) -> None:
    """Move the use of a refresh token back in time; by default its grace is over then."""
    parsed = parse_refresh_token(token)
    assert parsed
    used = get_many([parsed.used_key])[parsed.used_key]
    used.update([UsedRefreshToken.created.set(now() - timedelta(seconds=seconds))])


@contextmanager
def at_call(
    operation: str, action: Callable[[], object], *, number: int = 1, event: str = "before-call"
) -> Iterator[None]:
    """Do something when an operation of DynamoDB is called for the given time.

    :param event: before-call, when nothing has happened yet, or after-call, when all has but the answer.
    """
    require_process("it waits for calls at botocore")
    calls = count(1)

    def handler(**_: object) -> None:
        if next(calls) == number:
            action()

    name = f"{event}.dynamodb.{operation}"
    events = connection().connection.client.meta.events
    events.register(name, handler)
    try:
        yield
    finally:
        events.unregister(name, handler)


@contextmanager
def fault(
    operation: str, *, number: int = 1, event: str = "before-call", error: Exception = UNREACHABLE
) -> Iterator[None]:
    """Make one call of an operation fail with the error that botocore raises after its own retries."""

    def fail() -> None:
        raise error

    with at_call(operation, fail, number=number, event=event):
        yield


@contextmanager
def database_down() -> Iterator[None]:
    """Make every call of DynamoDB fail."""
    require_process("it lets calls fail at botocore")

    def fail(**_: object) -> None:
        raise UNREACHABLE

    events = connection().connection.client.meta.events
    events.register("before-call.dynamodb", fail)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb", fail)
