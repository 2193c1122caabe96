"""Rate limits that operations declare: fixed windows per caller, counted in DynamoDB."""

import ipaddress
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalice.app import Response

from chalicelib.db import keys, windows
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.db.windows import Limit
from chalicelib.errors import ApiError, TooManyRequestsError

SPECIFICATION = re.compile(r"([1-9][0-9]*)/(?:([1-9][0-9]*) )?(second|minute|hour|day)s?")
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
HEADERS = ("RateLimit", "RateLimit-Policy")
IPV6_NETWORK = 64  # bits: the rest of an address is its holder's to choose


@dataclass(frozen=True)
class RateLimit:
    """What an operation allows each caller.

    :param limits: all of them hold; by what they were written as.
    :param in_transaction: the handler counts, in the transaction that it writes anyway.
    :param when: whether a call counts, by its body, which may be anything that parses; None if all do.
    :param what: what counts then, in words.
    """

    limits: dict[str, Limit]
    in_transaction: bool = False
    when: Callable[[Any], bool] | None = None
    what: str = ""

    @property
    def sentence(self) -> str:
        """Say it in words."""
        return " and ".join(text.replace("/", " per ") for text in self.limits)


def rate_limit(
    *texts: str, in_transaction: bool = False, when: Callable[[Any], bool] | None = None, what: str = ""
) -> RateLimit:
    """Declare limits, such as "10/second" or "100/15 minutes"; several hold together.

    :param in_transaction: the handler writes by `Call.transaction`, which counts; this saves a round trip.
        Calls that it refuses are counted on their own.
    :param when: whether a call counts, by its body, which may be anything that parses; None if all do.
    :param what: what counts then, in words.
    :raises ValueError: a text is no limit, or two have the same period.
    """
    limits = {text: _limit(text, is_only=len(texts) == 1) for text in texts}
    if not limits or len({limit.name for limit in limits.values()}) < len(texts):
        raise ValueError("a rate limit is one number per period, or several, with periods of their own")
    return RateLimit(limits, in_transaction, when, what)


def _limit(text: str, *, is_only: bool) -> Limit:
    match = SPECIFICATION.fullmatch(text)
    if not match:
        raise ValueError(f"{text} is no rate limit: write 10/second, 100/minute or 1000/12 hours")
    quota, times, unit = match.groups()
    name = "default" if is_only else text.partition("/")[2].replace(" ", "-")
    return Limit(name, int(quota), int(times or 1) * SECONDS[unit])


def network(source: str) -> str:
    """Give what an address is counted as: an IPv6 caller may choose any address of its /64."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_NETWORK), strict=False))


def headers_of(states: Iterable[tuple[Limit, int, int]]) -> dict[str, str]:
    """Tell limits and what is left of them, as draft-ietf-httpapi-ratelimit-headers has it.

    :param states: each limit with what is left, and the seconds until its next window.
    """
    found = list(states)
    left = [f'"{limit.name}";r={rest};t={reset}' for limit, rest, reset in found]
    policy = [f'"{limit.name}";q={limit.quota};w={limit.window}' for limit, _, _ in found]
    return dict(zip(HEADERS, (", ".join(left), ", ".join(policy)), strict=True))


@dataclass
class Budget:
    """What a caller may still spend of an operation's limits; one call spends one.

    :param limits: by the keys of their counters.
    :param used: what was counted so far.
    """

    limits: dict[Key, Limit]
    in_transaction: bool
    now: float
    used: dict[Key, int] = field(default_factory=dict)
    is_spent: bool = False

    @classmethod
    def of(cls, declared: RateLimit, operation: str, subject: str, factor: int) -> "Budget":
        """Open the budget of one caller at one operation.

        :param subject: the caller, in the words of keys.py.
        :param factor: on local stages limits are that many times higher.
        """
        now = time.time()
        limits = [replace(limit, quota=limit.quota * factor) for limit in declared.limits.values()]
        found = {keys.rate(operation, subject, limit.name, limit.number(now)): limit for limit in limits}
        return cls(found, declared.in_transaction, now)

    def answer(self, items: Mapping[Key, Item], respond: Callable[[], Response]) -> Response:
        """Answer if there is something left, and tell what is left afterwards.

        :param items: what was read of the caller, the counters among it.
        :raises TooManyRequestsError: nothing is left.
        """
        try:
            self.check(items)
            response = self._answer(respond)
        except ApiError as error:
            error.headers = {**self.headers(), **error.headers}
            raise
        response.headers.update(self.headers())
        return response

    def _answer(self, respond: Callable[[], Response]) -> Response:
        if not self.in_transaction:
            self._spend()
        try:
            response = respond()
        except ApiError as error:
            # What DynamoDB could not do was not had; what was refused was asked, and that counts.
            if error.status < 500 and not isinstance(error, TooManyRequestsError):
                self._spend()
            raise
        self._spend()
        return response

    def check(self, items: Mapping[Key, Item]) -> None:
        """Check that there is something left, by what was read.

        :raises TooManyRequestsError: there is not.
        """
        self.used = {key: windows.amount(items, key) for key in self.limits}
        broken = [key for key, limit in self.limits.items() if self.used[key] >= limit.quota]
        if broken:
            raise self.refusal(broken)

    def refusal(self, broken: Iterable[Key]) -> TooManyRequestsError:
        """Refuse the call for limits that are reached, until the next windows of all of them."""
        limits = {key: self.limits[key] for key in broken}
        self.used |= {key: limit.quota for key, limit in limits.items()}
        wait = max(limit.reset(self.now) for limit in limits.values())
        return TooManyRequestsError(wait, self.headers())

    def _spend(self) -> None:
        """Count the call, unless its transaction has done so.

        :raises TooManyRequestsError: others were faster.
        """
        if self.is_spent:
            return
        if self.in_transaction or len(self.limits) > 1:
            self.transaction().commit()
            return
        ((key, limit),) = self.limits.items()
        counted = windows.count_at_once(key, limit, self.now)
        if counted is None:
            raise self.refusal([key])
        self.used[key], self.is_spent = counted, True

    def transaction(self) -> Transaction:
        """Begin a transaction that counts the call, unless it is counted by now."""
        return Transaction() if self.is_spent else _Counting(self)

    def take(self) -> None:
        """Note that the call is counted."""
        self.used = {key: used + 1 for key, used in self.used.items()}
        self.is_spent = True

    def headers(self) -> dict[str, str]:
        """Tell what is left."""
        return headers_of(
            (limit, max(0, limit.quota - self.used.get(key, 0)), limit.reset(self.now))
            for key, limit in self.limits.items()
        )


class _Counting(Transaction):
    """A transaction that counts a call."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget
        for key, limit in budget.limits.items():
            windows.count(self, key.sk, key, limit, budget.now)

    def commit(self) -> None:
        """Write everything or nothing.

        :raises TooManyRequestsError: a limit is reached; this comes before other conditions.
        """
        try:
            super().commit()
        except ConditionFailedError as error:
            broken = [key for key in self._budget.limits if key.sk in error.names]
            if broken:
                raise self._budget.refusal(broken) from error
            raise
        self._budget.take()
