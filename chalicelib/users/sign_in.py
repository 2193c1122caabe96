"""Sign-in with a password: what the password grant and the sign-in page share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chalicelib.audit.trail import Reason, record
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import get_many
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.errors import ServiceUnavailableError
from chalicelib.security.passwords import hash_password, needs_rehash, verify_password
from chalicelib.telemetry.measure import note
from chalicelib.users import attempts
from chalicelib.users.attempts import Failure
from chalicelib.users.models import UniqueName, User
from chalicelib.web.operation import Call
from chalicelib.web.rate_limit import Budget, rate_limit

NOBODY = "0" * 26  # an id that no user has
SIGN_INS = rate_limit("100/hour")  # of each account, whatever client they are for


class SignInRefusedError(Exception):
    """Raised for an unknown user, a wrong password or a disabled account, without saying which."""


def username_key(username: str) -> Key | None:
    """Key of the marker that leads to a user, to be read before `check_password`.

    :param username: or the email address: no username has an "@", and every email address has one.
        Blanks around it are ignored: keyboards of phones add one after a word that they complete.
    """
    name = username.strip()
    if not 0 < len(name) <= keys.MAX_EMAIL:
        return None
    return keys.email(name) if "@" in keys.unique(name, keys.MAX_EMAIL) else keys.username(name)


@dataclass(frozen=True)
class Candidate:
    """Whoever a username leads to, before the password is looked at.

    :param user_id: None where nobody has that name.
    :param account: the subject that failures are counted for.
    """

    user_id: str | None
    account: str


def look_up(call: Call, username: str, more: Callable[[str], Iterable[Key]] = lambda _: ()) -> Candidate:
    """Read the account that a username leads to, with one BatchGetItem; unknown names take the same way.

    :param more: what else to read, by the user's id; it is in the call's items afterwards.
    """
    key = username_key(username)
    marker = call.items.get(key) if key else None
    user_id = marker.user_id if isinstance(marker, UniqueName) else None
    account = attempts.account(user_id) if user_id else attempts.stranger(call, username)
    counts = [attempts.failures_key(each, call.settings) for each in (account, attempts.address(call))]
    counts += _budget(call, user_id or NOBODY).limits
    call.items |= get_many([keys.user(user_id or NOBODY), *counts, *more(user_id or NOBODY)])
    return Candidate(user_id, account)


def check_password(call: Call, client_id: str, candidate: Candidate, password: str) -> User:
    """Return the active user who was looked up and has this password; unknown names take as long.

    A failure is counted with one transaction.

    :param client_id: the OAuth2 client that the sign-in is for.
    :raises SignInRefusedError: there is none.
    :raises TooManyRequestsError: the account or the address failed too often, right or wrong.
    """
    user_id, subjects = candidate.user_id, [candidate.account, attempts.address(call)]
    attempts.check_attempts(call, subjects)
    user = call.items.get(keys.user(user_id or NOBODY))
    stored = user.password_hash if isinstance(user, User) else None
    matches = verify_password(password, stored)
    if not isinstance(user, User) or not matches or not user.is_active:
        failure = Failure("sign_in", _reason(user, matches=matches), user_id, client_id)
        attempts.record_failure(call, subjects, failure)
        raise SignInRefusedError
    note(actor_id=user.id)
    return user


def _reason(user: object, *, matches: bool) -> Reason:
    if not isinstance(user, User):
        return "unknown user"
    return "account is disabled" if matches else "wrong password"


def begin_sign_in(call: Call, user: User, client_id: str) -> Transaction:
    """Begin what a sign-in writes: its event, and one more in the count of the account.

    It has to be committed by `attempts.commit`.

    :param user: who was looked up, and has proven to be that.
    :raises TooManyRequestsError: there were too many; so does the commit.
    """
    budget = _budget(call, user.id)
    budget.check(call.items)
    transaction = budget.transaction()
    attempts.require_under_limit(transaction, attempts.account(user.id), call.settings)
    record(transaction, call, "sign_in", user_id=user.id, actor_id=user.id, client_id=client_id)
    return transaction


def _budget(call: Call, user_id: str) -> Budget:
    return Budget.of(SIGN_INS, "sign_in", attempts.account(user_id), call.settings.rate_limit_factor)


def upgrade_hash(user: User, password: str) -> None:
    """Replace a hash of weaker parameters; should that fail, the next sign-in does it.

    Whatever the sign-in gave is written by now: an error here would lose it.
    """
    if not needs_rehash(user.password_hash):
        return
    transaction = Transaction()
    transaction.change("user", user, {"password_hash": hash_password(password)})
    try:
        transaction.commit()
    except (ConditionFailedError, ServiceUnavailableError):
        return
