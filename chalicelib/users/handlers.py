"""Sign up, look at, list and change users."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from chalicelib.audit.trail import Event, record
from chalicelib.db import counters, keys
from chalicelib.db.keys import Key
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.errors import (
    ApiError,
    ConflictError,
    ForbiddenError,
    InvalidValueError,
    TooManyRequestsError,
)
from chalicelib.security.passwords import hash_password, is_personal, verify_password
from chalicelib.users import attempts
from chalicelib.users.attempts import Failure
from chalicelib.users.captcha import captcha_is_solved, site_key
from chalicelib.users.models import User, change_user, new_user
from chalicelib.users.models import add_user as put_user
from chalicelib.users.permissions import (
    OWNER_OR_ADMIN,
    PATCH_RULES,
    PATCHER,
    ROLE,
    ROLE_FLAGS,
    USER,
)
from chalicelib.users.schemas import (
    BaseUserSchema,
    SignUpFormSchema,
    SignUpSchema,
    UserChangesSchema,
    UserSchema,
)
from chalicelib.web.operation import (
    ACTIVE_USER,
    ADMIN,
    ADMIN_WRITER,
    FORM,
    JSON,
    JSON_PATCH,
    PUBLIC,
    Call,
    Operation,
    PatchPolicy,
    Reply,
)
from chalicelib.web.pagination import Listing, ListQuery, Page, count, read_page
from chalicelib.web.patch import patch_item
from chalicelib.web.rate_limit import rate_limit

READ = frozenset({"users:read"})
WRITE = frozenset({"users:write"})
ROLES = ("is_regular_user", "is_admin")
LISTING = Listing(
    keys.USERS, attributes=("id", "username", "first_name", "middle_name", "last_name", "gsi1sk")
)


def confirm_password(call: Call, value: Any) -> None:
    """Check the current password of whoever is calling; a wrong one counts as a failed sign-in.

    :raises ForbiddenError: it is wrong.
    :raises TooManyRequestsError: there were too many wrong ones.
    """
    subjects = [attempts.account(call.actor.id), attempts.address(call)]
    attempts.check_attempts(call, subjects)
    if isinstance(value, str) and verify_password(value, call.actor.account.password_hash):
        call.confirmed = True
        return
    failure = Failure("password_confirmation", "wrong password", call.actor.id)
    attempts.record_failure(call, subjects, failure)
    raise ForbiddenError("The current password is wrong: it is the password of your own account.")


@contextmanager
def _no_oracle(call: Call) -> Iterator[None]:
    """Answer errors that follow a right password as the limit of wrong ones has it."""
    try:
        yield
    except ApiError:
        attempts.settle(call)
        raise


POLICY = PatchPolicy(
    view=UserSchema,
    changes=UserChangesSchema,
    rules=PATCH_RULES,
    nobody=frozenset({"is_internal"}),
    confirm=confirm_password,
)


@Operation(
    permission=ADMIN,
    scopes=READ,
    query=ListQuery,
    loads_keys=lambda _: counters.shards(keys.USERS),
    response=BaseUserSchema,
    many=True,
)
def list_users(call: Call) -> Page[User]:
    """List users in the order of their creation."""
    return read_page(call, User, LISTING, count(call, counters.shards(keys.USERS)))


def _failures(call: Call) -> list[Key]:
    subjects = [attempts.address(call)]
    if call.claims:
        subjects.append(attempts.account(call.claims.owner))
    return [attempts.failures_key(subject, call.settings) for subject in subjects]


def _failures_if_confirming(call: Call) -> list[Key]:
    confirms = isinstance(call.payload, dict) and "current_password" in call.payload
    return _failures(call) if confirms else []


@Operation(
    permission=PUBLIC,
    optional_token=True,
    loads_keys=_failures_if_confirming,
    body=SignUpSchema,
    body_types=(JSON, FORM),
    response=UserSchema,
    status=201,
    etag=True,
    problems=(ForbiddenError, ConflictError),
    rate_limit=rate_limit("10/minute", in_transaction=True),
    if_unsure="Try to sign in before you sign up again.",
)
def create_user(call: Call) -> Reply:
    """Sign up: people solve a captcha, admins with write access need none.

    Roles are set as by PATCH: by admins with write access who signed in through a first-party client, and
    prove by `current_password` to know their own password.
    """
    fields = dict(call.body)
    captcha, current = fields.pop("recaptcha_key"), fields.pop("current_password", None)
    flags = {name: fields[name] for name in (*ROLE_FLAGS, "is_internal") if name in fields}
    # No scope is needed to sign up, but what only admins may do takes a token that may write users.
    may_write = call.caller is not None and call.actor.has_scopes(WRITE)
    with _no_oracle(call):
        if "is_internal" in flags or (flags and not may_write):
            raise ForbiddenError(f"You can't set {', '.join(flags)}: leave it out.")
        if flags:
            _check_roles(call, flags, current)
        elif not (may_write and ADMIN_WRITER.allows(call)) and not captcha_is_solved(call, captcha):
            raise ForbiddenError("Solve the captcha and send its answer as recaptcha_key.")
        password = fields.pop("password")
        check_personal(password, fields["username"], fields["email"])
        user = new_user(password_hash=hash_password(password), **fields)
        add_user(call, user, user.id, flags)
    return Reply(user, headers={"Location": f"{call.request.base_url}/api/v1/users/{user.id}"})


def check_personal(password: str, username: str, email: str) -> None:
    """Check that a new password is not what everybody knows of its account.

    :raises InvalidValueError: it is the username or the email address.
    """
    if is_personal(password, username, email):
        detail = "A password must not be your username or email address: choose another."
        raise InvalidValueError(errors=[{"pointer": "/password", "detail": detail}])


def _check_roles(call: Call, flags: Mapping[str, bool], current_password: str | None) -> None:
    """Check who sets roles, as a PATCH does.

    :raises ForbiddenError: they are somebody else's to set, or the password is wrong.
    :raises InvalidValueError: there is none.
    """
    for name in flags:
        ROLE.check(call, f"/{name}")
    if current_password is None:
        detail = "Send your own current password: whoever sets roles proves to know it."
        raise InvalidValueError(errors=[{"pointer": "/current_password", "detail": detail}])
    confirm_password(call, current_password)


def add_user(call: Call, user: User, actor_id: str | None, flags: Mapping[str, bool]) -> None:
    """Write a new user together with the event of it.

    :param actor_id: who did it, where the call has no access token to tell.
    :param flags: roles that were set, for the audit trail.
    :raises ConflictError: the username or the e-mail address is taken.
    """
    transaction = _transaction(call)
    record(transaction, call, "user_creation", user_id=user.id, actor_id=actor_id, details=flags)
    put_user(transaction, user)
    try:
        attempts.commit(transaction, call.settings)
    except ConditionFailedError as error:
        raise taken(error) from error


def _transaction(call: Call) -> Transaction:
    """Begin what the call writes; after a proof of the password it holds while more attempts are allowed."""
    transaction = call.transaction()
    if call.confirmed:
        attempts.require_under_limit(transaction, attempts.account(call.actor.id), call.settings)
    return transaction


@Operation(permission=PUBLIC, response=SignUpFormSchema)
def get_signup_form(call: Call) -> dict[str, str | None]:
    """Tell the key that a sign-up form shows its captcha with."""
    return {"recaptcha_server_key": site_key(call)}


@Operation(permission=ACTIVE_USER, scopes=READ, response=UserSchema, etag=True)
def get_me(call: Call) -> Any:
    """Look at your own account; a client that acts for itself sees its owner's."""
    return call.actor.account


@Operation(permission=OWNER_OR_ADMIN, scopes=READ, loads=(USER,), response=UserSchema, etag=True)
def get_user(call: Call) -> User:
    """Look at a user."""
    return call[USER]


def _changes_email(payload: Any) -> bool:
    """Whether a body that was only parsed is a patch that would write an email address."""
    entries = payload if isinstance(payload, list) else []
    return any(
        isinstance(entry, dict) and entry.get("path") == "/email" and entry.get("op") != "test"
        for entry in entries
    )


@Operation(
    permission=PATCHER,
    scopes=WRITE,
    loads=(USER,),
    loads_keys=_failures,
    patch=POLICY,
    body_types=(JSON_PATCH, JSON),
    response=UserSchema,
    etag=True,
    problems=(ConflictError, TooManyRequestsError),
    rate_limit=rate_limit("10/hour", in_transaction=True, when=_changes_email, what="changes of /email"),
)
def patch_user(call: Call) -> User:
    """Change a user by JSON Patch; password, e-mail and roles need a test of /current_password before."""
    with _no_oracle(call):
        return patch_item(call, call[USER], lambda user, changes: save_changes(call, user, changes))


def save_changes(call: Call, user: User, changes: dict[str, Any]) -> None:
    """Write validated changes together with the events of them; a new password is hashed here.

    :raises ConflictError: the e-mail address is taken, or this is the last active admin.
    :raises ConditionFailedError: "item" changed meanwhile.
    :raises InvalidValueError: the new password is the username or the email address.
    """
    if "password" in changes:
        check_personal(changes["password"], user.username, changes.get("email", user.email))
    transaction = _transaction(call)
    _record_changes(transaction, call, user, changes)
    if "password" in changes:
        changes["password_hash"] = hash_password(changes.pop("password"))
    if changes:
        change_user(transaction, user, changes)
    try:
        attempts.commit(transaction, call.settings)
    except ConditionFailedError as error:
        if "item" in error.names:
            raise
        raise taken(error) from error


def _record_changes(transaction: Transaction, call: Call, user: User, changes: dict[str, Any]) -> None:
    if "password" in changes:
        record(transaction, call, "password_change", user_id=user.id)
    if "email" in changes:
        record(transaction, call, "email_change", user_id=user.id)
    if "is_active" in changes:
        event: Event = "account_enabling" if changes["is_active"] else "account_disabling"
        record(transaction, call, event, user_id=user.id)
    roles: dict[str, bool] = {name: changes[name] for name in ROLES if name in changes}
    if roles:
        record(transaction, call, "role_change", user_id=user.id, details=roles)


def taken(error: ConditionFailedError) -> ConflictError:
    """Say which unique thing is taken, or that the last admin stays."""
    if "admins" in error.names:
        return ConflictError("This is the last active admin: make somebody else an admin first.")
    names = sorted(error.names & {"username", "email"})
    return ConflictError(
        f"Somebody else has this {' and this '.join(names)}: choose another.",
        errors=[{"pointer": f"/{name}", "detail": "This is taken."} for name in names],
    )
