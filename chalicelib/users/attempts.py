"""Brute force: failed attempts are counted per account and per source address (ASVS 5.0 6.3.1)."""

import hashlib
import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.audit.trail import Event, Reason, record
from chalicelib.db import keys, windows
from chalicelib.db.keys import Key
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.db.windows import Limit
from chalicelib.errors import TooManyRequestsError
from chalicelib.settings import Settings
from chalicelib.telemetry.measure import count
from chalicelib.web.operation import Call
from chalicelib.web.rate_limit import headers_of, network

ATTEMPTS = "attempts"  # names the condition in a transaction


def account(user_id: str) -> str:
    """Name the failures of an account."""
    return f"{keys.ACCOUNT}{user_id}"


def sign_in(user_id: str, family_id: str) -> str:
    """Return the subject of the limits of one sign-in."""
    return f"{account(user_id)}.{family_id}"


def stranger(call: Call, username: str) -> str:
    """Name the failures of a username or email address that nobody has.

    People type passwords into that field, too: without the stage's key nobody can try what it was.
    """
    name = keys.unique(username.strip(), keys.MAX_EMAIL)
    digest = hmac.digest(call.keyring.mac_key("username"), name.encode(), hashlib.sha256)
    return f"{keys.ACCOUNT}{digest.hex()}"


def address(call: Call) -> str:
    """Name the failures of the address that a call came from."""
    return f"{keys.ADDRESS}{network(call.request.source)}"


def client(call: Call, client_id: str | None) -> str:
    """Return the subject of the failures of an OAuth2 client at the address that a call came from.

    :param client_id: None for all ids that no client has: what callers make up shall not fill the table.
    """
    return f"{keys.CLIENT}{client_id or ''}#{address(call)}"


def failures_key(subject: str, settings: Settings) -> Key:
    """Key of the present window of what `account`, `address` or `client` name."""
    return keys.failures(subject, _limit(subject, settings).number(time.time()))


def check_attempts(call: Call, subjects: Iterable[str]) -> None:
    """Hold an attempt back, right or wrong, once its account or address failed too often.

    :raises TooManyRequestsError: with the seconds until the next window.
    """
    for subject in subjects:
        limit = _limit(subject, call.settings)
        if windows.amount(call.items, failures_key(subject, call.settings)) >= limit.quota:
            raise too_many(subject, call.settings)


@dataclass(frozen=True)
class Failure:
    """What failed, for the audit trail.

    :param user_id: the account that it was tried with, if there is one.
    :param client_id: the OAuth2 client that it came through, likewise.
    :param reason: for admins; callers are not told.
    """

    event: Event
    reason: Reason
    user_id: str | None = None
    client_id: str | None = None


def record_failure(call: Call, subjects: Iterable[str], failure: Failure) -> None:
    """Count a failure in all its subjects at once, and write it into the audit trail with that.

    Attempts that were under way together are counted one by one here: only as many as the limit allows
    are told that they were wrong.

    :raises TooManyRequestsError: others failed meanwhile, and this attempt is over the limit.
    """
    transaction = Transaction()
    for subject in subjects:
        key, limit = failures_key(subject, call.settings), _limit(subject, call.settings)
        windows.count(transaction, subject, key, limit, time.time())
    user_id, client_id = failure.user_id, failure.client_id
    record(
        transaction,
        call,
        failure.event,
        outcome="failure",
        user_id=user_id,
        client_id=client_id,
        details={"reason": failure.reason},
    )
    try:
        transaction.commit()
    except ConditionFailedError as error:
        raise too_many(min(error.names), call.settings) from error
    count("sign_in_failures")


def require_under_limit(transaction: Transaction, subject: str, settings: Settings) -> None:
    """Let a transaction succeed only while its account may still try: parallel guesses gain nothing."""
    windows.require(transaction, ATTEMPTS, failures_key(subject, settings), _limit(subject, settings))


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
        if ATTEMPTS in error.names:
            raise too_many(keys.ACCOUNT, settings) from error
        raise


def too_many(subject: str, settings: Settings) -> TooManyRequestsError:
    """Tell which limit is reached, and when the next window begins."""
    count("sign_in_failures")
    limit = _limit(subject, settings)
    reset = limit.reset(time.time())
    return TooManyRequestsError(reset, headers_of([(limit, 0, reset)]))


def _limit(subject: str, settings: Settings) -> Limit:
    if subject.startswith(keys.ACCOUNT):
        return Limit("account", settings.failures_per_account, settings.failure_window)
    if subject.startswith(keys.CLIENT):
        return Limit("client", settings.failures_per_client, settings.failure_window)
    return Limit("address", settings.failures_per_address, settings.failure_window)
