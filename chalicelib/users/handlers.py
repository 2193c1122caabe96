"""Sign up, look at, list and change users."""

from typing import Any

from chalicelib.db import counters, keys
from chalicelib.db.keys import Key
from chalicelib.db.unique import UniqueName
from chalicelib.errors import ConflictError, ForbiddenError, TooManyRequestsError
from chalicelib.rate_limit import rate_limit
from chalicelib.scopes import USERS_READ, USERS_WRITE
from chalicelib.settings import OFF
from chalicelib.users import actions, attempts
from chalicelib.users.captcha import captcha_is_solved, site_key
from chalicelib.users.models import SETTABLE, User
from chalicelib.users.permissions import OWNER_OR_ADMIN, PATCH_RULES, PATCHER, USER, check_sign_up, failures
from chalicelib.users.schemas import (
    BaseUserSchema,
    SignUpFormSchema,
    SignUpSchema,
    UserChangesSchema,
    UserQuery,
    UserSchema,
)
from chalicelib.web.access import ACTIVE_USER, ADMIN, PUBLIC, Access
from chalicelib.web.call import Call
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes
from chalicelib.web.pagination import count, read_page, shown_by

LETTERS = {"letters to an address": attempts.LETTERS}
MARKERS = {"username": (keys.username, keys.MAX_USERNAME), "email": (keys.email, keys.MAX_EMAIL)}


def _failures_if_confirming(call: Call) -> list[Key]:
    confirms = isinstance(call.payload, dict) and "current_password" in call.payload
    return failures(call) if confirms else []


def _emails(payload: Any) -> list[Any]:
    """Return the addresses that a body writes, be it a sign-up or a patch; it was only parsed."""
    if isinstance(payload, dict):
        return [payload["email"]] if "email" in payload else []
    entries = [entry for entry in payload if isinstance(entry, dict)] if isinstance(payload, list) else []
    return [
        entry.get("value") for entry in entries if entry.get("path") == "/email" and entry.get("op") != "test"
    ]


def _wanted_address(call: Call) -> list[Key]:
    """Return what is read of the address in a sign-up or a patch, where it will be needed."""
    address = (_emails(call.payload) or [None])[-1]
    is_off = call.context.settings.email_verification == OFF
    if is_off or not isinstance(address, str) or not 0 < len(address) <= keys.MAX_EMAIL:
        return []
    return [keys.email(address), *attempts.letters_of(call.context, address).limits]


def _markers(call: Call) -> list[Key]:
    """Return the keys of the markers that a query asks for; it was not validated yet."""
    wanted = ((make, most, call.request.query.get(name, [""])[0]) for name, (make, most) in MARKERS.items())
    return [make(value) for make, most, value in wanted if 0 < len(value) <= most]


def _look_up(call: Call) -> Reply:
    """Return the account to which all markers lead, if there is one."""
    wanted = set(_markers(call))
    found = [call.context.find(UniqueName, key) for key in wanted]
    ids = {marker.item_id if marker else None for marker in found}
    key = keys.user(str(ids.pop())) if len(ids) == 1 and None not in ids else None
    call.context.read([key])
    user = call.context.find(User, key)
    # between the two reads, the account may have got another address
    is_it = user is not None and wanted <= {keys.username(user.username), keys.email(user.email)}
    users = [user] if user and is_it else []
    return Reply(users[call.query["offset"] :], headers={"X-Total-Count": str(len(users))})


@Operation(
    access=Access(
        ADMIN, scopes=USERS_READ, also_reads=lambda call: _markers(call) or counters.shards(keys.USERS)
    ),
    takes=Takes(query=UserQuery),
    gives=Gives(BaseUserSchema, many=True),
)
def list_users(call: Call) -> Reply:
    """List users in the order of their creation, or find one by username or email address."""
    if _markers(call):
        return _look_up(call)
    return read_page(call, User, keys.USERS, shown_by(BaseUserSchema), total=count(call, keys.USERS))


@Operation(
    access=Access(
        PUBLIC,
        optional_token=True,
        also_reads=lambda call: [*_failures_if_confirming(call), *_wanted_address(call)],
        limit=rate_limit("10/minute"),
    ),
    takes=Takes(body=SignUpSchema),
    gives=Gives(UserSchema, status=201, etag=True),
    docs=Docs(
        problems=(ForbiddenError, ConflictError),
        limits=LETTERS,
        if_unsure="Try to sign in before you sign up again.",
    ),
)
def create_user(call: Call) -> Reply:
    """Sign up: people solve a captcha, admins with write access need none.

    Roles are set as by PATCH: by admins with write access who signed in through a first-party client, and
    prove by `current_password` to know their own password.
    """
    needs_captcha = check_sign_up(call)
    fields = dict(call.body)
    captcha, current = fields.pop("recaptcha_key"), fields.pop("current_password", None)
    if needs_captcha and not captcha_is_solved(call.context, captcha):
        raise ForbiddenError("Solve the captcha and send its answer as recaptcha_key.")
    if any(name in fields for name in SETTABLE):
        actions.confirm_password(call.context, call.actor.account, current)
    user = actions.create_user(call.context, signs_up=True, is_open=needs_captcha, **fields)
    return Reply(user, headers={"Location": call.url_for(get_user, user_id=user.id)})


@Operation(access=Access(PUBLIC), gives=Gives(SignUpFormSchema))
def get_signup_form(call: Call) -> dict[str, str | None]:
    """Return the key that a sign-up form shows its captcha with."""
    return {"recaptcha_server_key": site_key(call.context.settings)}


@Operation(access=Access(ACTIVE_USER, scopes=USERS_READ), gives=Gives(UserSchema, etag=True))
def get_me(call: Call) -> Any:
    """Look at your own account; a client that acts for itself sees its owner's."""
    return call.actor.account


@Operation(
    access=Access(OWNER_OR_ADMIN, scopes=USERS_READ, reads=(USER,)), gives=Gives(UserSchema, etag=True)
)
def get_user(call: Call) -> User:
    """Look at a user."""
    return call[USER]


@Operation(
    access=Access(
        PATCHER,
        scopes=USERS_WRITE,
        reads=(USER,),
        also_reads=lambda call: [*failures(call), *_wanted_address(call)],
        limit=rate_limit("10/hour", when=lambda payload: bool(_emails(payload)), what="changes of /email"),
    ),
    takes=Takes(
        body=UserChangesSchema,
        patch=PATCH_RULES,
        nobody=frozenset({"is_internal"}),
        confirm=lambda call, value: actions.confirm_password(call.context, call.actor.account, value),
        target=USER,
    ),
    gives=Gives(UserSchema, etag=True),
    docs=Docs(problems=(ConflictError, TooManyRequestsError), limits=LETTERS),
)
def patch_user(call: Call) -> User:
    """Change a user; password, e-mail and roles need a test of /current_password before.

    In a JSON Merge Patch the member `current_password` is that test.
    """
    actions.change_user(call.context, call[USER], call.body, confirms_email=True)
    return call[USER]
