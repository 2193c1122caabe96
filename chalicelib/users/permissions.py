"""Who may do what with users."""

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.users.models import User
from chalicelib.web.operation import ADMIN, WRITE_ACCESS, Call, Load, Permission


def _user_key(call: Call) -> Key | None:
    user_id = call.params.get("user_id")
    return keys.user(user_id) if user_id and keys.is_id(user_id) else None


USER = Load(User, _user_key)

OWNER = Permission("Owner", lambda call: call.params["user_id"] == call.actor.id)
OWNER_OR_ADMIN = OWNER | ADMIN
OWNER_OR_ADMIN_WRITER = OWNER_OR_ADMIN & WRITE_ACCESS
