"""Brute force: failed attempts are counted per account and per source address (ASVS 5.0 6.3.1)."""

import hashlib
import time
from collections.abc import Iterable

from pynamodb.expressions.condition import Condition

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.errors import TooManyRequestsError
from chalicelib.settings import Settings
from chalicelib.users.models import Failures
from chalicelib.web.operation import Call

KEPT_FOR = 2  # windows


def account(user_id: str | None, username: str = "") -> str:
    """Name the failures of an account: by its id, or by the name that was tried if there is none."""
    if user_id:
        return f"{keys.ACCOUNT}{user_id}"
    return f"{keys.ACCOUNT}{hashlib.sha256(keys.unique(username).encode()).hexdigest()}"


def address(call: Call) -> str:
    """Name the failures of the address that a call came from."""
    return f"{keys.ADDRESS}{call.request.source}"


def failures_key(subject: str, settings: Settings) -> Key:
    """Key of the present window of an account or address."""
    return keys.failures(subject, int(time.time() // settings.failure_window))


def check_attempts(call: Call, subjects: Iterable[str]) -> None:
    """Hold an attempt back, right or wrong, once its account or address failed too often.

    :raises TooManyRequestsError: with the seconds until the next window.
    """
    for subject in subjects:
        item = call.items.get(failures_key(subject, call.settings))
        if isinstance(item, Failures) and item.amount >= _limit(subject, call.settings):
            raise too_many(call.settings)


def record_failure(call: Call, subjects: Iterable[str]) -> None:
    """Count a failure in all its subjects at once.

    Attempts that were under way together are counted one by one here: only as many as the limit allows
    are told that they were wrong.

    :raises TooManyRequestsError: others failed meanwhile, and this attempt is over the limit.
    """
    transaction = Transaction()
    for subject in subjects:
        item = Failures.at(failures_key(subject, call.settings))
        expires = int(time.time()) + KEPT_FOR * call.settings.failure_window
        transaction.add(
            subject,
            item,
            [Failures.amount.add(1), Failures.version.add(1), Failures.expires_at.set(expires)],
            under_limit(subject, call.settings),
        )
    try:
        transaction.commit()
    except ConditionFailedError as error:
        raise too_many(call.settings) from error


def require_under_limit(transaction: Transaction, subject: str, settings: Settings) -> None:
    """Let a transaction succeed only while its account may still try: parallel guesses gain nothing."""
    transaction.check("attempts", Failures, failures_key(subject, settings), under_limit(subject, settings))


def settle(call: Call) -> None:
    """Answer 429 instead of an error that follows a right password, if the account is over the limit by now.

    Otherwise parallel guesses could tell the right one by its other error.

    :raises TooManyRequestsError: it is.
    """
    if call.confirmed:
        transaction = Transaction()
        require_under_limit(transaction, account(call.actor.id), call.settings)
        commit(transaction, call.settings)


def commit(transaction: Transaction, settings: Settings) -> None:
    """Commit a transaction that holds `require_under_limit`.

    :raises TooManyRequestsError: the account is over the limit.
    :raises ConditionFailedError: anything else.
    """
    try:
        transaction.commit()
    except ConditionFailedError as error:
        if "attempts" in error.names:
            raise too_many(settings) from error
        raise


def under_limit(subject: str, settings: Settings) -> Condition:
    """Give the condition that a subject has failed less often than it may."""
    few: Condition = Failures.amount < _limit(subject, settings)
    allowed: Condition = Failures.amount.does_not_exist() | few
    return allowed


def too_many(settings: Settings) -> TooManyRequestsError:
    """Tell when the next window begins."""
    return TooManyRequestsError(settings.failure_window - int(time.time()) % settings.failure_window)


def _limit(subject: str, settings: Settings) -> int:
    is_account = subject.startswith(keys.ACCOUNT)
    return settings.failures_per_account if is_account else settings.failures_per_address
