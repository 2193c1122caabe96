"""What users can do with apps that they allowed, and with their sign-ins."""

from collections.abc import Iterable
from itertools import islice

from chalicelib.context import Context
from chalicelib.db import counters, keys
from chalicelib.db.table import BATCH_READ_LIMIT
from chalicelib.errors import NotFoundError
from chalicelib.events import Event
from chalicelib.oauth.authorize.models import Consent
from chalicelib.oauth.clients.models import REFRESH_TOKEN, OAuth2Client
from chalicelib.oauth.tokens.families import consent_key, has_consent, is_alive, is_of, revoke_family
from chalicelib.oauth.tokens.models import TokenFamily


def withdraw(context: Context, consent: Consent) -> None:
    """Take a consent back: all that the client got by code is void with the next request."""
    context.work.delete(consent)
    counters.add(context.work, keys.consents_of(consent.user_id), -1)
    details = {"client": consent.client_id}
    context.emit(Event(name="consent_withdrawal", user_id=consent.user_id, details=details))


def live_sessions(
    context: Context, families: Iterable[TokenFamily], credentials_version: int
) -> list[TokenFamily]:
    """Return the families that have not ended, by what their clients and consents are today.

    :param families: of one account, at most 100; their `client_name` is filled in.
    """
    alive = [each for each in families if is_alive(each) and each.credentials_version == credentials_version]
    wanted = dict.fromkeys(key for each in alive for key in (keys.client(each.client_id), consent_key(each)))
    context.read(islice(wanted, BATCH_READ_LIMIT))
    context.read(islice(wanted, BATCH_READ_LIMIT, None))
    return [family for family in alive if _goes_on(context, family)]


def _goes_on(context: Context, family: TokenFamily) -> bool:
    client = context.find(OAuth2Client, keys.client(family.client_id))
    if client is None or not is_of(family, client):
        return False
    family.client_name = client.shown_name
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
