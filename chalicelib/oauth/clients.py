"""Client authentication at the OAuth2 endpoints (RFC 6749 §2.3)."""

from typing import NoReturn

from chalicelib.audit.trail import Event, Reason
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import get_many
from chalicelib.oauth.errors import InvalidClientError, InvalidScopeError
from chalicelib.oauth.form import ClientCredentials, read_credentials
from chalicelib.oauth.models import PUBLIC_CLIENT, OAuth2Client
from chalicelib.oauth.secrets import client_secret_matches
from chalicelib.telemetry.measure import note
from chalicelib.users import attempts
from chalicelib.users.attempts import Failure
from chalicelib.web.operation import Call


def authenticate_client(call: Call, parameters: dict[str, str], *more: Key | None) -> OAuth2Client:
    """Read the client and whatever the grant needs, in one BatchGetItem.

    Whoever shows a good credential passes, whatever others at the same address did: a secret has 256 bits, so
    nobody guesses it. Failures are limited for what each of them writes.

    :param more: keys that the grant needs; what is found is in the call's items afterwards.
    :raises InvalidClientError: unknown, wrong secret, or none where one is due.
    :raises TooManyRequestsError: likewise, and the client failed too often from this address.
    """
    credentials = read_credentials(call, parameters)
    key = keys.client(credentials.client_id) if keys.CLIENT_ID.fullmatch(credentials.client_id) else None
    call.items |= get_many(found for found in (key, *more) if found)
    client = call.items.get(key) if key else None
    if not isinstance(client, OAuth2Client):
        refuse_client(call, None, "client_authentication", "unknown client")
    if not _is_authentic(client, credentials):
        refuse_client(call, client, "client_authentication", "wrong secret")
    note(client_id=client.client_id)
    return client


def refuse_client(call: Call, client: OAuth2Client | None, event: Event, reason: Reason) -> NoReturn:
    """Refuse what a client asks for, and count that for this client at this address.

    :param client: None if there is none of its id, which is a stranger's text then, and not kept.
    :raises InvalidClientError: always, or
    :raises TooManyRequestsError: there were too many of these.
    """
    client_id = client.client_id if client else None
    subject = attempts.client(call, client_id)
    call.items |= get_many([attempts.failures_key(subject, call.settings)])
    attempts.check_attempts(call, [subject])
    failure = Failure(event, reason, client.user_id if client else None, client_id)
    attempts.record_failure(call, [subject], failure)
    raise InvalidClientError


def _is_authentic(client: OAuth2Client, credentials: ClientCredentials) -> bool:
    if client.client_type == PUBLIC_CLIENT:
        return credentials.secret is None
    return client_secret_matches(client, credentials.secret or "")


def granted_scopes(allowed: frozenset[str], asked: str | None) -> frozenset[str]:
    """Decide the scopes of a token: what is asked, else everything that may be asked.

    :param allowed: what may be asked.
    :param asked: names between blanks, any number of them.
    :raises InvalidScopeError: more is asked than may be, or nothing is left: a scope has at least one name
        (RFC 6749 §3.3).
    """
    names = frozenset((asked or "").split())
    if not allowed:
        raise InvalidScopeError("No scope is left: give the client default_scopes, or sign in again.")
    if not names <= allowed:
        raise InvalidScopeError
    return names or allowed
