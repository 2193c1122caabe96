"""Client authentication at the OAuth2 endpoints (RFC 6749 §2.3)."""

from chalicelib.audit.trail import Event
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import Item, get_many
from chalicelib.oauth.errors import InvalidClientError, InvalidScopeError
from chalicelib.oauth.form import ClientCredentials, read_credentials
from chalicelib.oauth.models import PUBLIC_CLIENT, OAuth2Client
from chalicelib.oauth.secrets import client_secret_matches
from chalicelib.telemetry.measure import note
from chalicelib.users import attempts
from chalicelib.users.attempts import Failure
from chalicelib.web.operation import Call


def authenticate_client(call: Call, parameters: dict[str, str], *more: Key | None) -> OAuth2Client:
    """Read the client, the failures of its address and whatever the grant needs, in one BatchGetItem.

    :param more: keys that the grant needs; what is found is in the call's items afterwards.
    :raises InvalidClientError: unknown, wrong secret, or none where one is due.
    :raises TooManyRequestsError: this address failed too often.
    """
    credentials = read_credentials(call, parameters)
    address = attempts.address(call)
    key = keys.client(credentials.client_id) if keys.CLIENT_ID.fullmatch(credentials.client_id) else None
    wanted = (key, attempts.failures_key(address, call.settings), *more)
    call.items |= get_many(found for found in wanted if found)
    attempts.check_attempts(call, [address])
    client = call.items.get(key) if key else None
    if not isinstance(client, OAuth2Client) or not _is_authentic(client, credentials):
        attempts.record_failure(call, [address], _failure(client))
        raise InvalidClientError
    note(client_id=client.client_id)
    return client


def refuse_client(call: Call, client: OAuth2Client, event: Event) -> None:
    """Refuse a public client what is for confidential ones: a failure of its address, as a wrong secret is.

    :raises InvalidClientError: always.
    :raises TooManyRequestsError: others failed meanwhile.
    """
    failure = Failure(event, "public client", client.user_id, client.client_id)
    attempts.record_failure(call, [attempts.address(call)], failure)
    raise InvalidClientError


def _failure(client: Item | None) -> Failure:
    # The id of no client is a stranger's text: it is not kept.
    if not isinstance(client, OAuth2Client):
        return Failure("client_authentication", "unknown client")
    return Failure("client_authentication", "wrong secret", client.user_id, client.client_id)


def _is_authentic(client: OAuth2Client, credentials: ClientCredentials) -> bool:
    if client.client_type == PUBLIC_CLIENT:
        return credentials.secret is None
    return client_secret_matches(client, credentials.secret or "")


def granted_scopes(allowed: frozenset[str], asked: str | None) -> frozenset[str]:
    """Decide the scopes of a token: what is asked, else everything that may be asked.

    :param allowed: what may be asked.
    :param asked: names between blanks, any number of them.
    :raises InvalidScopeError: more is asked than may be.
    """
    names = frozenset((asked or "").split())
    if not names <= allowed:
        raise InvalidScopeError
    return names or allowed
