"""Counters of fixed windows of time: how often somebody did something, never more than a limit allows."""

from collections.abc import Mapping
from dataclasses import dataclass

from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.db.keys import Key
from chalicelib.db.table import Item, connection, engine_errors
from chalicelib.db.transaction import Transaction

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
        """Give the number of the window that a moment (seconds since 1970) is in."""
        return int(now // self.window)

    def reset(self, now: float) -> int:
        """Count the seconds until the next window begins: at least one."""
        return self.window - int(now) % self.window


class Tally(Item, discriminator="tally"):
    """What one subject did in one window."""

    amount = NumberAttribute(default=0)


def amount(items: Mapping[Key, Item], key: Key) -> int:
    """Give the count among items that were read; what nobody wrote is zero."""
    item = items.get(key)
    return int(item.amount) if isinstance(item, Tally) else 0


def require(transaction: Transaction, name: str, key: Key, limit: Limit) -> None:
    """Let a transaction succeed only below the limit, without counting."""
    transaction.check(name, Tally, key, below(limit))


def count(transaction: Transaction, name: str, key: Key, limit: Limit, now: float) -> None:
    """Count in a transaction, which succeeds only below the limit."""
    transaction.add(name, Tally.at(key), _actions(limit, now), below(limit))


def count_at_once(key: Key, limit: Limit, now: float) -> int | None:
    """Count with one UpdateItem of its own; however many do so at once, no more than the limit pass.

    Should its answer be lost, botocore repeats it: then it counts twice, and never not at all.

    :returns: the count with this one; None if the limit was reached before.
    :raises ServiceUnavailableError: DynamoDB did not answer, so nobody knows.
    """
    stamps = [Tally.kind.set(Tally)]
    with engine_errors():
        try:
            answer = connection().update_item(
                key.pk,
                key.sk,
                actions=[*_actions(limit, now), *stamps],
                condition=below(limit),
                return_values="UPDATED_NEW",
            )
        except UpdateError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return None
            raise
    return int(answer["Attributes"]["amount"]["N"])


def below(limit: Limit) -> Condition:
    """Give the condition that the limit is not reached."""
    few: Condition = Tally.amount < limit.quota
    allowed: Condition = Tally.amount.does_not_exist() | few
    return allowed


def _actions(limit: Limit, now: float) -> list[Action]:
    expires = int(now) + KEPT_FOR * limit.window
    return [Tally.amount.add(1), Tally.version.add(1), Tally.expires_at.set(expires)]
