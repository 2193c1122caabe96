"""Who may do what with users."""

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.errors import ForbiddenError, InvalidValueError
from chalicelib.scopes import USERS_WRITE
from chalicelib.users import attempts
from chalicelib.users.models import GRANTED, SETTABLE, User
from chalicelib.web.access import ADMIN, ADMIN_WRITER, FIRST_PARTY_ADMIN, WRITE_ACCESS, Permission, Rule
from chalicelib.web.call import Call, Load


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
# Who may call PATCH at all; the rules of the fields say what each caller may change.
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
    **dict.fromkeys(SETTABLE, ROLE),
}


def failures(call: Call) -> list[Key]:
    """Return the keys of what is read where a caller confirms their password: their failed attempts."""
    account = [attempts.account(call.claims.owner)] if call.claims else []
    return attempts.failure_keys(call.context, attempts.address(call.context), *account)


def check_sign_up(call: Call) -> bool:
    """Check who may create an account as the body has it, and return whether it takes a captcha.

    Roles are set as by PATCH; the password that this takes is still to be confirmed.

    :raises ForbiddenError: roles are somebody else's to set.
    :raises InvalidValueError: roles are set without current_password.
    """
    roles = [name for name in GRANTED if name in call.body]
    # No scope is needed to sign up, but what only admins may do takes a token that may write users.
    may_write = call.caller is not None and call.actor.has_scopes(USERS_WRITE)
    if "is_internal" in roles or (roles and not may_write):
        raise ForbiddenError(f"You can't set {', '.join(roles)}: leave it out.")
    for name in roles:
        ROLE.check(call, f"/{name}")
    if roles and "current_password" not in call.body:
        detail = "Send your own current password: it is needed to set roles."
        raise InvalidValueError(errors=[{"pointer": "/current_password", "detail": detail}])
    return not roles and not (may_write and ADMIN_WRITER.allows(call))
