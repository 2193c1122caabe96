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
from chalicelib.rate_limit import (
    Budget,
    Limit,
    RateLimit,
    headers_of,
    network,
    rate_limit,
    require_below,
    tallied,
    tally,
)
from chalicelib.settings import Settings
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


def failures_key(subject: str, settings: Settings) -> Key:
    """Return the key of the present window of what `account`, `address` or `client` name."""
    return keys.failures(subject, _limit(subject, settings).number(time.time()))


def failure_keys(context: Context, subject: str | None) -> list[Key]:
    """Return the keys of what is read before an attempt: the failures of the address and of an account.

    :param subject: the account, as `account` or `unknown_username` names it; None if nobody is known.
    """
    subjects = [address(context), *([subject] if subject else [])]
    return [failures_key(each, context.settings) for each in subjects]


def check_attempts(context: Context, subjects: Iterable[str]) -> None:
    """Refuse an attempt, right or wrong, once its account or address failed too often.

    :raises TooManyRequestsError: with the seconds until the next window.
    """
    for subject in subjects:
        limit = _limit(subject, context.settings)
        if tallied(context.items, failures_key(subject, context.settings)) >= limit.quota:
            count("sign_in_failures")
            raise too_many(subject, context.settings)


def failed(context: Context, subjects: Iterable[str], event: Event, error: ApiError) -> ApiError:
    """Return the error of a failed attempt, which counts for all its subjects and is an event.

    Attempts that were under way together are counted one by one: only as many as the limit allows are told
    that they were wrong.
    """
    error = context.refuse(error)
    for subject in subjects:
        key, limit = failures_key(subject, context.settings), _limit(subject, context.settings)
        otherwise = too_many(subject, context.settings)
        tally(context.work, key, limit, time.time(), otherwise=otherwise)
    context.emit(event)
    count("sign_in_failures")
    return error


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


def require_under_limit(context: Context, subject: str) -> None:
    """Make whatever comes of the work depend on attempts that are left.

    Parallel guesses gain nothing then: neither by a success, nor by an error that follows the right password.
    """
    key, limit = failures_key(subject, context.settings), _limit(subject, context.settings)
    require_below(context.toll, key, limit, otherwise=too_many(subject, context.settings))


def too_many(subject: str, settings: Settings) -> TooManyRequestsError:
    """Return the refusal that names the limit which is reached, and when the next window begins."""
    limit = _limit(subject, settings)
    reset = limit.reset(time.time())
    return TooManyRequestsError(reset, headers_of([(limit, 0, reset)]))


def _limit(subject: str, settings: Settings) -> Limit:
    if subject.startswith(keys.ACCOUNT):
        return Limit("account", settings.failures_per_account, settings.failure_window)
    if subject.startswith(keys.CLIENT):
        return Limit("client", settings.failures_per_client, settings.failure_window)
    return Limit("address", settings.failures_per_address, settings.failure_window)
