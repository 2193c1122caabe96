"""Client authentication at the OAuth2 endpoints (RFC 6749 §2.3)."""

import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.events import Event, EventName, Reason
from chalicelib.oauth.clients.models import PUBLIC_CLIENT, OAuth2Client
from chalicelib.oauth.errors import InvalidClientError
from chalicelib.oauth.secrets import hash_secret
from chalicelib.telemetry.measure import note
from chalicelib.users import attempts

NO_HASH = "-" * 64  # as long as a hash, and never one


@dataclass(frozen=True)
class ClientCredentials:
    """What a client says of itself; no secret means that it is public."""

    client_id: str
    secret: str | None = field(default=None, repr=False)


def authenticate_client(
    context: Context, credentials: ClientCredentials, more: Iterable[Key | None] = ()
) -> OAuth2Client:
    """Read the client and whatever the request needs, in one BatchGetItem.

    A right credential passes, whatever others at the same address did: a secret has 256 bits and cannot be
    guessed. Failures are limited because each of them writes.

    :param more: keys of what is needed beside the client; it is in the context's items afterwards.
    :raises InvalidClientError: unknown, wrong secret, or none where one is due.
    :raises TooManyRequestsError: the same, and the client failed too often from this address.
    """
    client_id = credentials.client_id
    key = keys.client(client_id) if keys.CLIENT_ID.fullmatch(client_id) else None
    context.read([key, *more])
    client = context.find(OAuth2Client, key)
    if client is None:
        raise client_refusal(context, None, "client_authentication", "unknown client")
    if client.client_type == PUBLIC_CLIENT:
        is_authentic = credentials.secret is None
    else:
        is_authentic = client_secret_matches(client, credentials.secret or "")
    if not is_authentic:
        raise client_refusal(context, client, "client_authentication", "wrong secret")
    note(client_id=client.client_id)
    return client


def client_refusal(
    context: Context, client: OAuth2Client | None, name: EventName, reason: Reason
) -> Exception:
    """Return the error for what a client asks; it counts for this client at this address.

    :param client: None if no client has the id; it is a stranger's text then, and is not kept.
    """
    client_id = client.client_id if client else None
    subject = attempts.client(context, client_id)
    context.read(attempts.failure_keys(context, subject))
    attempts.check_attempts(context, subject)
    event = Event(
        name=name,
        user_id=client.user_id if client else None,
        client_id=client_id,
        outcome="failure",
        details={"reason": reason},
    )
    return attempts.failed(context, [subject], event, InvalidClientError())


def client_secret_matches(client: OAuth2Client, secret: str) -> bool:
    """Compare a secret with those of a client in constant time: after a rotation, two for the overlap."""
    given = hash_secret(secret)
    matches = hmac.compare_digest(given, client.secret_hash or NO_HASH)
    matched = hmac.compare_digest(given, client.previous_secret_hash or NO_HASH)
    return matches or (matched and time.time() < client.previous_secret_until)
