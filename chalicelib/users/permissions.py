"""Who may do what with users."""

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.users.models import User
from chalicelib.web.operation import (
    ADMIN,
    FIRST_PARTY_ADMIN,
    WRITE_ACCESS,
    Call,
    Load,
    Permission,
    Rule,
)


def _user_key(call: Call) -> Key | None:
    user_id = call.params.get("user_id")
    return keys.user(user_id) if user_id and keys.is_id(user_id) else None


USER = Load(User, _user_key)


def _administers(call: Call) -> bool:
    # An internal account passes every permission: who could set its password could do everything.
    user = call.get(USER)
    return bool(call.actor.account.is_admin and not (user and user.is_internal))


OWNER = Permission("Owner", lambda call: call.params["user_id"] == call.actor.id, binds_internal=True)
OWNER_OR_ADMIN = OWNER | ADMIN
# Whoever may call a PATCH may change something; what that is, the rules of the fields say.
PATCHER = OWNER | (Permission("Admin", _administers, (USER,)) & WRITE_ACCESS)
PROFILE = OWNER_OR_ADMIN & WRITE_ACCESS
# An email address or a password of somebody else is a way to become them, so it takes what a role takes.
CREDENTIALS = OWNER | FIRST_PARTY_ADMIN

_NAME, _CREDENTIAL = Rule(PROFILE, blank=""), Rule(CREDENTIALS, confirm=True)
ROLE = Rule(FIRST_PARTY_ADMIN, confirm=True)
PATCH_RULES = {
    "first_name": _NAME,
    "middle_name": _NAME,
    "last_name": _NAME,
    "email": _CREDENTIAL,
    "password": _CREDENTIAL,
    "is_active": ROLE,
    "is_regular_user": ROLE,
    "is_admin": ROLE,
}
ROLE_FLAGS = tuple(name for name, rule in PATCH_RULES.items() if rule is ROLE)
