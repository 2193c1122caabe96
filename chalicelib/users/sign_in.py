"""Sign-in with a password: what the password grant and the sign-in page share."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.unique import UniqueName
from chalicelib.errors import ApiError, ForbiddenError, InvalidValueError
from chalicelib.events import Event, Reason
from chalicelib.rate_limit import Budget, rate_limit
from chalicelib.security.passwords import hash_password, needs_rehash, verify_password
from chalicelib.settings import REQUIRED
from chalicelib.telemetry.measure import note
from chalicelib.users import attempts
from chalicelib.users.models import User

UNVERIFIED = "Your email address is not confirmed yet: open the link in the letter that was sent to it."
WRONG = "Wrong username, email address or password."
MISSING = "Enter your username or email address, and your password."
SIGN_INS = rate_limit("100/hour")  # of each account, whatever client they are for


def username_key(username: str) -> Key | None:
    """Return the key of the marker that leads to a user, to be read before `look_up`.

    :param username: or the email address: no username has an "@", and every email address has one.
        Blanks around it are ignored: keyboards of phones add one after a word that they complete.
    """
    name = username.strip()
    if not 0 < len(name) <= keys.MAX_EMAIL:
        return None
    return keys.email(name) if "@" in keys.unique(name, keys.MAX_EMAIL) else keys.username(name)


class UnverifiedEmailError(ForbiddenError):
    """The password is right, but the email address is to be confirmed first."""

    advice = UNVERIFIED


class Candidate(NamedTuple):
    """The account that a username leads to, before the password is checked.

    :param user_id: None if no account has that name.
    :param account: the subject that failures are counted for.
    """

    user_id: str | None
    account: str


def look_up(
    context: Context, username: str, more: Callable[[str], Iterable[Key]] = lambda _: ()
) -> Candidate:
    """Read the account that a username leads to, with one BatchGetItem; unknown names take the same way.

    :param more: what else to read, by the user's id; it is in the context's items afterwards.
    """
    marker = context.find(UniqueName, username_key(username))
    user_id = marker.item_id if marker else None
    account = attempts.account(user_id) if user_id else attempts.unknown_username(context, username)
    counts = attempts.failure_keys(context, attempts.address(context), account)
    counts += _budget(context, user_id or keys.NOBODY).limits
    context.read([keys.user(user_id or keys.NOBODY), *counts, *more(user_id or keys.NOBODY)])
    return Candidate(user_id, account)


def sign_in(
    context: Context, client_id: str | None, candidate: Candidate, password: str, otherwise: ApiError
) -> User:
    """Sign in whoever was looked up, if they are active and have this password; unknown names take as long.

    A hash of weaker parameters is replaced on the way. Only those who know the password learn that an address
    is to be confirmed, and it is the same for an account whose address is another account's.

    :param client_id: the OAuth2 client that the sign-in is for; None for the account page.
    :param otherwise: raised for an unknown user, a wrong password or a disabled account, without saying
        which; the refusal counts the failure.
    :raises UnverifiedEmailError: a confirmed email address is required, and this one is not.
    :raises TooManyRequestsError: the account or the address failed too often, right or wrong, or the account
        signed in too often; so does the commit.
    """
    user = _authenticate(context, client_id, candidate, password, otherwise)
    note(actor_id=user.id)
    attempts.require_under_limit(context, candidate.account)
    if context.settings.email_verification == REQUIRED and not user.is_email_verified:
        raise UnverifiedEmailError
    budget = _budget(context, user.id)
    budget.check(context.items)
    budget.spend(context.work)
    context.emit(Event(name="sign_in", user_id=user.id, actor_id=user.id, client_id=client_id))
    if needs_rehash(user.password_hash):
        password_hash = context.once(("hash", password), lambda: hash_password(password))
        context.work.change(user, {"password_hash": password_hash})
    return user


def _authenticate(
    context: Context, client_id: str | None, candidate: Candidate, password: str, otherwise: ApiError
) -> User:
    user_id, subjects = candidate.user_id, [candidate.account, attempts.address(context)]
    attempts.check_attempts(context, *subjects)
    user = context.find(User, keys.user(user_id or keys.NOBODY))
    stored = user.password_hash if user else None
    matches = context.once(("sign-in", password, stored), lambda: verify_password(password, stored))
    if user and matches and user.is_active:
        return user
    reason: Reason = (
        "unknown user" if user is None else "account is disabled" if matches else "wrong password"
    )
    details = {"reason": reason}
    event = Event(name="sign_in", user_id=user_id, client_id=client_id, outcome="failure", details=details)
    raise attempts.failed(context, subjects, event, otherwise)


def signed_in_user(context: Context, user_id: str, credentials_version: int) -> User | None:
    """Return the user of an earlier sign-in, who was read; None if it does not hold any more.

    :param credentials_version: the account's at that time: it has another one since its password was changed.
    """
    user = context.find(User, keys.user(user_id))
    holds = user is not None and user.is_active and user.credentials_version == credentials_version
    return user if holds else None


def sign_in_by_form(
    context: Context,
    client_id: str | None,
    username: str,
    password: str,
    more: Callable[[str], Iterable[Key]] = lambda _: (),
) -> User:
    """Sign a person in on a page; the detail of a refusal is what the page says.

    After a refusal, the work of the context is what counts the failure.

    :param username: stripped; its marker was read.
    :param more: as `look_up` takes it.
    :raises InvalidValueError: username or password is missing.
    :raises ForbiddenError: as `sign_in` refuses.
    :raises TooManyRequestsError: there were too many attempts or sign-ins.
    """
    if not username or not password:
        raise InvalidValueError(MISSING)
    candidate = look_up(context, username, more)
    return sign_in(context, client_id, candidate, password, ForbiddenError(WRONG))


def _budget(context: Context, user_id: str) -> Budget:
    factor = context.settings.rate_limit_factor
    return Budget.of(SIGN_INS, "sign_in", attempts.account(user_id), factor)
