"""What can be done with users; each action adds to the context's work."""

from collections.abc import Mapping
from typing import Any

from chalicelib.context import Context
from chalicelib.db import counters, keys
from chalicelib.db.counters import Counter
from chalicelib.db.transaction import Transaction
from chalicelib.db.unique import UniqueName, taken
from chalicelib.errors import ConflictError, ForbiddenError, InvalidValueError
from chalicelib.events import Event, EventName, Letter
from chalicelib.security.actor import Account
from chalicelib.security.passwords import hash_password, is_personal, verify_password
from chalicelib.settings import OFF, REQUIRED
from chalicelib.users import attempts
from chalicelib.users.links import issue_link, write_decoy
from chalicelib.users.models import GRANTED, User, new_user


def create_user(
    context: Context,
    *,
    username: str,
    email: str,
    password: str,
    signs_up: bool = False,
    is_open: bool = False,
    **fields: Any,
) -> User:
    """Create an account, with the markers that keep its names unique.

    :param signs_up: whether this is a request: the event names the new account as actor if nobody else is
        known, and the address is to be confirmed, unless that is off.
    :param is_open: anybody may make it, so where a confirmation is required, nothing tells that an address is
        taken.
    :param fields: names and roles.
    :raises InvalidValueError: the password is the username or the email address.
    :raises ConflictError: the username or the email address is taken; raised by the commit.
    :raises TooManyRequestsError: the address was sent too many letters, whether an account has it or not.
    """
    check_personal(password, username, email)
    password_hash = context.once(("hash", password), lambda: hash_password(password))
    if signs_up:
        mode = context.settings.email_verification
        # Where the answer must not tell whether an address is taken, nobody has it until it is confirmed.
        fields |= {"is_email_verified": mode == OFF, "claims_email": not (is_open and mode == REQUIRED)}
    user = new_user(username=username, email=email, password_hash=password_hash, **fields)
    add_user(context, user)
    roles = {name: fields[name] for name in GRANTED if name in fields}
    actor_id = user.id if signs_up else None
    if not user.is_email_verified:
        attempts.count_letter(context, attempts.letters_of(context, email))
    letter = verification_letter(context, user)
    context.emit(
        Event(name="user_creation", user_id=user.id, actor_id=actor_id, details=roles, letter=letter)
    )
    return user


def verification_letter(context: Context, user: User) -> Letter | None:
    """Return the letter by which an address is confirmed, its link included; None if none is sent.

    If another account has the address, its owner gets a letter instead.
    """
    if user.is_email_verified:
        return None
    link = issue_link(context, "email_verification", user, user.email)
    if user.claims_email:
        return Letter(link=link)
    owner = _owner(context, user.email, user)
    if owner is None:
        write_decoy(context)  # the place of the event below
        return Letter(link=link)
    # Its link is never sent: it is written so that both cases take as long.
    context.emit(Event(name="sign_up_with_taken_email", user_id=owner, letter=Letter()))
    return None


def add_user(context: Context, user: User) -> None:
    """Write an account that is made already, with its markers, and count it.

    :raises ConflictError: the username or the email address is taken; raised by the commit.
    """
    work = context.work
    work.put(user)
    counters.add(work, keys.USERS, 1)
    if user.is_active_admin:
        count_admin(work, 1)


def change_user(
    context: Context, user: User, changes: Mapping[str, Any], *, confirms_email: bool = False
) -> None:
    """Change an account; a new password, and disabling, end everything that was signed in.

    :param confirms_email: another address takes effect when it is confirmed, unless that is off.
    :raises InvalidValueError: the new password is the username or the email address.
    :raises ConflictError: the email address is taken, or this is the last active admin; raised by the commit.
    """
    values = dict(changes)
    if "password" in values:
        check_personal(values["password"], user.username, values.get("email", user.email))
    confirms_email &= context.settings.email_verification != OFF
    if confirms_email and values.get("email", user.email) != user.email:
        _request_email_change(context, user, values.pop("email"), _version_after(user, values))
    if values:
        _change(context, user, values)


def _change(context: Context, user: User, values: dict[str, Any]) -> None:
    _emit_changes(context, user, values)
    values["credentials_version"] = _version_after(user, values)
    if "password" in values:
        password = values.pop("password")
        values["password_hash"] = context.once(("hash", password), lambda: hash_password(password))
    if "email" in values:
        values["claims_email"] = True
    after = bool(values.get("is_active", user.is_active) and values.get("is_admin", user.is_admin))
    if user.is_active_admin != after:
        count_admin(context.work, 1 if after else -1)
    context.work.change(user, values)


def _version_after(user: User, changes: Mapping[str, Any]) -> int:
    """Return the version of the credentials after some changes: a new password ends what was signed in."""
    ends = "password" in changes or changes.get("is_active") is False
    return int(user.credentials_version) + ends


def _request_email_change(context: Context, user: User, address: str, credentials_version: int) -> None:
    """Send a link to a new address; it takes effect when the link is used.

    :param credentials_version: the account's, once the work is written.
    :raises ConflictError: the address is taken; where that is hidden, no letter is sent.
    :raises TooManyRequestsError: the address was sent too many letters.
    """
    owner = _owner(context, address, user)
    if owner and context.settings.email_verification != REQUIRED:
        raise taken("email")
    attempts.count_letter(context, attempts.letters_of(context, address))
    link = issue_link(context, "email_change", user, address, credentials_version)
    # A link that leads nowhere: the letter waits like others, and is deleted unsent.
    letter = Letter(to=address, link=keys.NOBODY + keys.new_id() if owner else link)
    context.emit(Event(name="email_change_request", user_id=user.id, letter=letter))


def _owner(context: Context, address: str, user: User) -> str | None:
    context.read([keys.email(address)])  # it was read already, as a rule
    marker = context.find(UniqueName, keys.email(address))
    return marker.item_id if marker and marker.item_id != user.id else None


def remove_user(context: Context, user: User) -> None:
    """Delete an account, and free its names; whatever it was allowed ends with the next request.

    :raises ConflictError: this is the last active admin; raised by the commit.
    """
    work = context.work
    work.delete(user)
    counters.add(work, keys.USERS, -1)
    if user.is_active_admin:
        count_admin(work, -1)


def confirm_password(context: Context, account: Account, password: Any) -> None:
    """Check the current password of the acting account; a wrong one counts as a failed sign-in.

    After the right password, the answer of the request, be it a success or an error, depends on attempts
    being left: otherwise parallel guesses could tell the right password by what follows it.

    :raises ForbiddenError: it is wrong.
    :raises TooManyRequestsError: there were too many wrong ones.
    """
    subjects = [attempts.account(account.id), attempts.address(context)]
    attempts.check_attempts(context, *subjects)
    stored = account.password_hash
    if isinstance(password, str) and context.once(
        ("password", password, stored), lambda: verify_password(password, stored)
    ):
        attempts.require_under_limit(context, subjects[0])
        return
    error = ForbiddenError("The current password is wrong: it is the password of your own account.")
    details = {"reason": "wrong password"}
    event = Event(name="password_confirmation", user_id=account.id, outcome="failure", details=details)
    raise attempts.failed(context, subjects, event, error)


def check_personal(password: str, username: str, email: str) -> None:
    """Check that a new password is not what everybody knows of its account.

    :raises InvalidValueError: it is the username or the email address.
    """
    if is_personal(password, username, email):
        detail = "A password must not be your username or email address: choose another."
        raise InvalidValueError(errors=[{"pointer": "/password", "detail": detail}])


def count_admin(work: Transaction, amount: int) -> None:
    """Count active admins in the transaction that makes or unmakes one; the last one stays."""
    condition = Counter.amount > 1 if amount < 0 else None
    error = ConflictError("This is the last active admin: make somebody else an admin first.")
    counter = Counter.at(keys.counter(keys.ADMINS))
    actions = [Counter.amount.add(amount), Counter.version.add(1)]
    work.add(counter, actions, condition, otherwise=error)


def _emit_changes(context: Context, user: User, changes: Mapping[str, Any]) -> None:
    if "password" in changes:
        context.emit(Event(name="password_change", user_id=user.id))
    if "email" in changes:
        context.emit(Event(name="email_change", user_id=user.id, letter=Letter(to=user.email)))
    if "is_active" in changes:
        name: EventName = "account_enabling" if changes["is_active"] else "account_disabling"
        context.emit(Event(name=name, user_id=user.id))
    roles = {name: changes[name] for name in ("is_regular_user", "is_admin") if name in changes}
    if roles:
        context.emit(Event(name="role_change", user_id=user.id, details=roles))
