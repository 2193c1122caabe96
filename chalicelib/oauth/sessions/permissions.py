"""Which sign-in a path names: one's own."""

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.web.call import Call, Load


def _session_key(call: Call) -> Key | None:
    session_id = call.params["session_id"]
    return keys.family(call.claims.owner, session_id) if call.claims and keys.is_id(session_id) else None


SESSION = Load(TokenFamily, _session_key)
