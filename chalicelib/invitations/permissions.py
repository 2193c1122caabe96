"""Which invitations paths and callers name."""

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.invitations.models import InvitationPlace
from chalicelib.web.call import Call, Load


def _place_key(call: Call) -> Key | None:
    invitation_id = call.params["invitation_id"]
    return keys.invitation_place(invitation_id) if keys.is_id(invitation_id) else None


PLACE = Load(InvitationPlace, _place_key, hidden=True)
