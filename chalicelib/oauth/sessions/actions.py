"""What users can do with their sign-ins; each action adds to the context's work."""

from collections.abc import Iterable

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import BATCH_READ_LIMIT
from chalicelib.errors import NotFoundError
from chalicelib.events import Event
from chalicelib.oauth.clients.models import REFRESH_TOKEN, OAuth2Client
from chalicelib.oauth.tokens.families import consent_key, has_consent, is_alive, is_of, revoke_family
from chalicelib.oauth.tokens.models import TokenFamily

ATTRIBUTES = (
    "family_id",
    "user_id",
    "client_id",
    "registration_id",
    "consent_id",
    "credentials_version",
    "idle_until",
    "absolute_until",
    "is_revoked",
    "created",
    "updated",
)


def live_sessions(
    context: Context, families: Iterable[TokenFamily], credentials_version: int
) -> list[TokenFamily]:
    """Return the families that have not ended, by what their clients and consents are today.

    :param families: of one account, at most 100, with ATTRIBUTES; their `client_name` is filled in.
    :param credentials_version: the account's.
    """
    alive = [each for each in families if is_alive(each) and each.credentials_version == credentials_version]
    wanted = list(dict.fromkeys(key for family in alive for key in _keys(family)))
    context.read(wanted[:BATCH_READ_LIMIT])
    context.read(wanted[BATCH_READ_LIMIT:])
    for family in alive:
        client = context.find(OAuth2Client, keys.client(family.client_id))
        family.client_name = client.shown_name if client else ""
    return [family for family in alive if _goes_on(context, family)]


def _keys(family: TokenFamily) -> list[Key]:
    consent = consent_key(family)
    return [keys.client(family.client_id), *([consent] if consent else [])]


def _goes_on(context: Context, family: TokenFamily) -> bool:
    client = context.find(OAuth2Client, keys.client(family.client_id))
    if client is None or not is_of(family, client):
        return False
    return REFRESH_TOKEN in client.grant_types and has_consent(context, family)


def end_session(context: Context, family: TokenFamily) -> None:
    """End a sign-in: its refresh token and its access tokens are refused from now on.

    :raises NotFoundError: it has ended already.
    """
    if not is_alive(family):
        raise NotFoundError
    revoke_family(context, family)
    details = {"client": family.client_id, "family": family.family_id}
    context.emit(Event(name="session_ending", user_id=family.user_id, details=details))
