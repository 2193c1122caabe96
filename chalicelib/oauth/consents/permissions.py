"""Which consent a path names: one's own."""

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.oauth.consents.models import Consent
from chalicelib.web.call import Call, Load


def _consent_key(call: Call) -> Key | None:
    client_id = call.params["client_id"]
    is_client = keys.CLIENT_ID.fullmatch(client_id) is not None
    return keys.consent(call.claims.owner, client_id) if call.claims and is_client else None


CONSENT = Load(Consent, _consent_key)
