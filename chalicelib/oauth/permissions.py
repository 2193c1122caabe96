"""Who may do what with OAuth2 clients."""

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.oauth.models import Consent, OAuth2Client, TokenFamily
from chalicelib.web.operation import ADMIN, FIRST_PARTY_ADMIN, Call, Load, Permission


def _client_key(call: Call) -> Key | None:
    client_id = call.params["client_id"]
    return keys.client(client_id) if keys.CLIENT_ID.fullmatch(client_id) else None


def _owns_client(call: Call) -> bool:
    client = call.get(CLIENT)
    return client is not None and client.user_id == call.actor.id


def _consent_key(call: Call) -> Key | None:
    client_id = call.params["client_id"]
    return (
        keys.consent(call.claims.owner, client_id)
        if call.claims and keys.CLIENT_ID.fullmatch(client_id)
        else None
    )


def _session_key(call: Call) -> Key | None:
    session_id = call.params["session_id"]
    return keys.family(call.claims.owner, session_id) if call.claims and keys.is_id(session_id) else None


CLIENT = Load(OAuth2Client, _client_key)
CONSENT = Load(Consent, _consent_key)
SESSION = Load(TokenFamily, _session_key)

OWNER = Permission("Owner", _owns_client, (CLIENT,))
OWNER_OR_ADMIN = OWNER | ADMIN
OWNER_OR_FIRST_PARTY_ADMIN = OWNER | FIRST_PARTY_ADMIN
CLIENT_AUTHENTICATION = Permission("OAuth2 client", lambda _: True, public=True)
