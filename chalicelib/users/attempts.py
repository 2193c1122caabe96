"""Brute force: failed attempts are counted per account and per source address (ASVS 5.0 6.3.1)."""

import hashlib
import hmac
import time
from collections.abc import Iterable

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.errors import ApiError, TooManyRequestsError
from chalicelib.events import Event
from chalicelib.rate_limit import Budget, Limit, RateLimit, network, rate_limit
from chalicelib.telemetry.measure import count

LETTERS = rate_limit("5/hour")  # for each name or address, whether an account has it or not


def account(user_id: str) -> str:
    """Return the subject of the failures of an account."""
    return f"{keys.ACCOUNT}{user_id}"


def sign_in(user_id: str, family_id: str) -> str:
    """Return the subject of the limits of one sign-in."""
    return f"{account(user_id)}.{family_id}"


def unknown_username(context: Context, username: str) -> str:
    """Return the subject of the failures of an unknown username or email address.

    People type passwords into that field, too, so it is a MAC: without the stage's key it cannot be guessed.
    """
    name = keys.unique(username.strip(), keys.MAX_EMAIL)
    digest = hmac.digest(context.keyring.mac_key("username"), name.encode(), hashlib.sha256)
    return f"{keys.ACCOUNT}{digest.hex()}"


def address(context: Context) -> str:
    """Return the subject of the failures of the address that a request came from."""
    return f"{keys.ADDRESS}{network(context.source)}"


def client(context: Context, client_id: str | None) -> str:
    """Return the subject of the failures of an OAuth2 client at the address that a request came from.

    :param client_id: None for all ids that no client has: what callers make up shall not fill the table.
    """
    return f"{keys.CLIENT}{client_id or ''}#{address(context)}"


def _failures(context: Context, subject: str) -> Budget:
    """Return the budget of failures of what `account`, `address` or `client` name, in the present window."""
    settings = context.settings
    if subject.startswith(keys.ACCOUNT):
        name, quota = "account", settings.failures_per_account
    elif subject.startswith(keys.CLIENT):
        name, quota = "client", settings.failures_per_client
    else:
        name, quota = "address", settings.failures_per_address
    limit, now = Limit(name, quota, settings.failure_window), time.time()
    return Budget({keys.failures(subject, limit.number(now)): limit}, now)


def failure_keys(context: Context, *subjects: str) -> list[Key]:
    """Return the keys of what is read before an attempt: the failures of its subjects."""
    return [key for subject in subjects for key in _failures(context, subject).limits]


def check_attempts(context: Context, *subjects: str) -> None:
    """Refuse an attempt, right or wrong, once its account or address failed too often.

    :raises TooManyRequestsError: with the seconds until the next window.
    """
    for subject in subjects:
        try:
            _failures(context, subject).check(context.items)
        except TooManyRequestsError:
            count("sign_in_failures")
            raise


def failed(context: Context, subjects: Iterable[str], event: Event, error: ApiError) -> ApiError:
    """Return the error of a failed attempt, which counts for all its subjects and is an event.

    Attempts that were under way together are counted one by one: only as many as the limit allows are told
    that they were wrong.
    """
    error = context.refuse(error)
    for subject in subjects:
        _failures(context, subject).spend(context.work)
    context.emit(event)
    count("sign_in_failures")
    return error


def require_under_limit(context: Context, subject: str) -> None:
    """Make whatever comes of the work depend on attempts that are left.

    Parallel guesses gain nothing then: neither by a success, nor by an error that follows the right password.
    """
    _failures(context, subject).require(context.toll)


def letters_of(context: Context, name: str, limit: RateLimit = LETTERS, kind: str = "letters") -> Budget:
    """Return the budget of the letters that others may have sent to a name.

    It is counted by the name as it was given: what an account is called otherwise is nobody's business.

    :param name: username or email address; it does not matter whether an account has it.
    """
    return Budget.of(limit, kind, unknown_username(context, name), context.settings.rate_limit_factor)


def count_letter(context: Context, budget: Budget, more: Iterable[Key] = ()) -> None:
    """Count a letter in the work.

    :param more: what else is read with the count.
    :raises TooManyRequestsError: there were too many; so does the commit.
    """
    context.read([*budget.limits, *more])
    budget.check(context.items)
    budget.spend(context.work)
