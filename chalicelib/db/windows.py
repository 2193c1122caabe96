"""Counters of fixed windows of time: how often somebody did something, never more than a limit allows."""

from collections.abc import Mapping
from dataclasses import dataclass

from pynamodb.attributes import NumberAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction
from chalicelib.errors import ApiError

KEPT_FOR = 2  # windows


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


def amount(items: Mapping[Key, Item], key: Key) -> int:
    """Return the count among items that were read; what is absent is zero."""
    item = items.get(key)
    return int(item.amount) if isinstance(item, Tally) else 0


def require(transaction: Transaction, key: Key, limit: Limit, *, otherwise: ApiError) -> None:
    """Make a transaction depend on the limit not being reached, without counting."""
    transaction.check(Tally, key, below(limit), otherwise=otherwise)


def count(transaction: Transaction, key: Key, limit: Limit, now: float, *, otherwise: ApiError) -> None:
    """Count in a transaction, which succeeds only below the limit."""
    transaction.add(Tally.at(key), _actions(limit, now), below(limit), otherwise=otherwise)


def below(limit: Limit) -> Condition:
    """Return the condition that the limit is not reached."""
    few: Condition = Tally.amount < limit.quota
    allowed: Condition = Tally.amount.does_not_exist() | few
    return allowed


def _actions(limit: Limit, now: float) -> list[Action]:
    expires = int(now) + KEPT_FOR * limit.window
    return [Tally.amount.add(1), Tally.version.add(1), Tally.expires_at.set(expires)]
