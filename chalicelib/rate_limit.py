"""Rate limits: fixed windows, counted in the transaction of what they limit."""

import ipaddress
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pynamodb.attributes import NumberAttribute
from pynamodb.expressions.condition import Condition

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction
from chalicelib.errors import TooManyRequestsError

SPECIFICATION = re.compile(r"([1-9][0-9]*)/(?:([1-9][0-9]*) )?(second|minute|hour|day)s?")
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
HEADERS = ("RateLimit", "RateLimit-Policy")
KEPT_FOR = 2  # windows
IPV6_NETWORK = 64  # bits: the rest of an address is its holder's to choose


@dataclass(frozen=True)
class Limit:
    """How often something may happen in a window of time; windows begin at multiples of their length.

    :param name: of the policy, as headers tell it.
    :param quota: how often.
    :param window: seconds.
    """

    name: str
    quota: int
    window: int

    def number(self, now: float) -> int:
        """Return the number of the window that a moment (seconds since 1970) is in."""
        return int(now // self.window)

    def reset(self, now: float) -> int:
        """Return the seconds until the next window begins: at least one."""
        return self.window - int(now) % self.window


class Tally(Item, discriminator="tally"):
    """What one subject did in one window."""

    personal = NOT_PERSONAL  # holds an id or an address, and is gone after two windows
    amount = NumberAttribute(default=0)


def _below(limit: Limit) -> Condition:
    few: Condition = Tally.amount < limit.quota
    allowed: Condition = Tally.amount.does_not_exist() | few
    return allowed


@dataclass(frozen=True)
class RateLimit:
    """What is allowed to each caller, or to whatever else is limited.

    :param limits: limits that all hold, by the texts that declared them, such as "10/second".
    :param when: whether a call counts, by its body, which may be anything that parses; None if all do.
    :param what: what counts then, in words.
    """

    limits: dict[str, Limit]
    when: Callable[[Any], bool] | None = None
    what: str = ""

    @property
    def sentence(self) -> str:
        """The limits in words."""
        return " and ".join(text.replace("/", " per ") for text in self.limits)


def rate_limit(*texts: str, when: Callable[[Any], bool] | None = None, what: str = "") -> RateLimit:
    """Declare limits, such as "10/second" or "100/15 minutes"; several hold together.

    :param when: whether a call counts, by its body, which may be anything that parses; None if all do.
    :param what: what counts then, in words.
    :raises ValueError: a text is no limit, or two have the same period.
    """
    limits = {text: _limit(text, is_only=len(texts) == 1) for text in texts}
    if not limits or len({limit.name for limit in limits.values()}) < len(texts):
        raise ValueError("a rate limit is one number per period, or several, with periods of their own")
    return RateLimit(limits, when, what)


def _limit(text: str, *, is_only: bool) -> Limit:
    match = SPECIFICATION.fullmatch(text)
    if not match:
        raise ValueError(f"{text} is no rate limit: write 10/second, 100/minute or 1000/12 hours")
    quota, times, unit = match.groups()
    name = "default" if is_only else text.partition("/")[2].replace(" ", "-")
    return Limit(name, int(quota), int(times or 1) * SECONDS[unit])


def network(source: str) -> str:
    """Return what an address is counted as: an IPv6 caller may choose any address of its /64."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_NETWORK), strict=False))


@dataclass
class Budget:
    """What a subject may still spend of its limits; each call spends one.

    :param limits: by the keys of their counters.
    :param now: seconds since 1970.
    :param used: what was counted so far.
    """

    limits: dict[Key, Limit]
    now: float
    used: dict[Key, int] = field(default_factory=dict)

    @classmethod
    def of(cls, declared: RateLimit, operation: str, subject: str, factor: int) -> "Budget":
        """Open the budget of one subject at one operation.

        :param subject: who is limited, in the words of keys.py.
        :param factor: on local stages limits are that many times higher.
        """
        now = time.time()
        limits = [replace(limit, quota=limit.quota * factor) for limit in declared.limits.values()]
        found = {keys.rate(operation, subject, limit.name, limit.number(now)): limit for limit in limits}
        return cls(found, now)

    def read(self, items: Mapping[Key, Item]) -> None:
        """Take what was counted so far from what was read."""
        found = {key: items.get(key) for key in self.limits}
        self.used = {key: int(item.amount) if isinstance(item, Tally) else 0 for key, item in found.items()}

    def check(self, items: Mapping[Key, Item]) -> None:
        """Check that there is something left, by what was read.

        :raises TooManyRequestsError: there is not.
        """
        self.read(items)
        exhausted = [key for key, limit in self.limits.items() if self.used[key] >= limit.quota]
        if exhausted:
            raise self.refusal(exhausted)

    def spend(self, transaction: Transaction) -> None:
        """Count one call in a transaction, which succeeds only below the limits."""
        for key, limit in self.limits.items():
            expires = int(self.now) + KEPT_FOR * limit.window
            actions = [Tally.amount.add(1), Tally.version.add(1), Tally.expires_at.set(expires)]
            transaction.add(Tally.at(key), actions, _below(limit), otherwise=self.refusal([key]))
        self.used = {key: used + 1 for key, used in self.used.items()}

    def require(self, transaction: Transaction) -> None:
        """Make a transaction depend on something being left, without counting."""
        for key, limit in self.limits.items():
            transaction.check(Tally, key, _below(limit), otherwise=self.refusal([key]))

    def refusal(self, exhausted: Iterable[Key]) -> TooManyRequestsError:
        """Return the refusal for limits that are reached, until the next windows of all of them."""
        limits = {key: self.limits[key] for key in exhausted}
        used = {**self.used, **{key: limit.quota for key, limit in limits.items()}}
        wait = max(limit.reset(self.now) for limit in limits.values())
        return TooManyRequestsError(wait, self._headers(used))

    def headers(self) -> dict[str, str]:
        """Return the headers that say what is left (draft-ietf-httpapi-ratelimit-headers)."""
        return self._headers(self.used)

    def _headers(self, used: Mapping[Key, int]) -> dict[str, str]:
        left, policy = list[str](), list[str]()
        for key, limit in self.limits.items():
            rest = max(0, limit.quota - used.get(key, 0))
            left.append(f'"{limit.name}";r={rest};t={limit.reset(self.now)}')
            policy.append(f'"{limit.name}";q={limit.quota};w={limit.window}')
        return dict(zip(HEADERS, (", ".join(left), ", ".join(policy)), strict=True))
