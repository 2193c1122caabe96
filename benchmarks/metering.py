"""What AWS bills for a request to DynamoDB, in capacity units.

DynamoDB Local tells what it charges, and leaves out what is absent, and most of what a transaction
writes. So transactions are counted here as AWS bills them: two units for each started KB of each item, be it
checked or absent, and as many again for an item's place in the index (AWS: "DynamoDB read and write
operations", "Amazon DynamoDB Transactions: capacity management").
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chalicelib.db.metering import READS
from chalicelib.db.table import connection

KILOBYTE = 1024
LEAST = 0.5  # units of a query that finds nothing
Item = dict[str, dict[str, Any]]


@dataclass
class Meter:
    """What was used: capacity units, those of the index included, and requests."""

    reads: float = 0
    writes: float = 0
    trips: int = 0
    _quiet: bool = False
    _body: dict[str, Any] = field(default_factory=dict)
    _before: list[Item] = field(default_factory=list)

    def sent(self, params: dict[str, Any], **_: Any) -> None:
        """Note the request, and the current state of the items that a transaction will change."""
        if not self._quiet:
            self._body = json.loads(params["body"])
            self._before = self._images()

    def answered(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        """Add the cost of a request."""
        if self._quiet:
            return
        self.trips += 1
        charged = _charged(parsed)
        if model.name == "Query":
            self.reads += max(charged, LEAST)
        elif model.name in READS:
            self.reads += charged + self._absent(parsed)
        elif model.name == "TransactWriteItems":
            self.writes += self._transaction()
        else:
            self.writes += charged

    def _absent(self, parsed: dict[str, Any]) -> int:
        asked = sum(len(table["Keys"]) for table in self._body.get("RequestItems", {}).values())
        return asked - sum(len(items) for items in parsed.get("Responses", {}).values())

    def _images(self) -> list[Item]:
        actions = [next(iter(each.values())) for each in self._body.get("TransactItems", [])]
        return [self._read(action["TableName"], _key(action)) for action in actions]

    def _read(self, table: str, key: Item) -> Item:
        self._quiet = True
        try:
            found: Item = (
                connection()
                .connection.client.get_item(TableName=table, Key=key, ConsistentRead=True)
                .get("Item", {})
            )
        finally:
            self._quiet = False
        return found

    def _transaction(self) -> float:
        changes = zip(self._body["TransactItems"], self._before, self._images(), strict=True)
        return sum(
            2 * _units(before, after) * (1 + ("ConditionCheck" not in action) * _places(before, after))
            for action, before, after in changes
        )


def _key(action: dict[str, Any]) -> Item:
    whole: Item = action.get("Key") or action["Item"]
    return {name: whole[name] for name in ("pk", "sk")}


def _charged(parsed: dict[str, Any]) -> float:
    found = parsed.get("ConsumedCapacity", [])
    entries: list[dict[str, float]] = found if isinstance(found, list) else [found]
    return sum(each["CapacityUnits"] for each in entries)


def _units(before: Item, after: Item) -> int:
    return max(1, math.ceil(max(size_of(before), size_of(after)) / KILOBYTE))


def _places(before: Item, after: Item) -> int:
    """Count the writes to the index: a place that is left, and one that is taken or rewritten."""
    places = {(item["gsi1pk"]["S"], item["gsi1sk"]["S"]) for item in (before, after) if "gsi1pk" in item}
    return len(places) if before != after else 0


def size_of(item: Item) -> int:
    """Return the bytes that an item is billed for (AWS: "DynamoDB item sizes and formats")."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: dict[str, Any]) -> int:
    kind, held = next(iter(value.items()))
    if kind == "S":
        return len(held.encode())
    if kind == "N":
        return (len(held.replace(".", "").strip("-0")) + 1) // 2 + 1
    if kind == "L":
        return 3 + sum(1 + _size(each) for each in held)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in held.items())
    if kind in ("SS", "NS", "BS"):
        return sum(len(each) for each in held)
    return 1 if kind in ("BOOL", "NULL") else len(held)


@contextmanager
def metered() -> Iterator[Meter]:
    """Meter all requests to the table."""
    meter = Meter()
    events = connection().connection.client.meta.events
    heard = {
        "before-call.dynamodb": meter.sent,
        "after-call.dynamodb": meter.answered,
    }
    for name, listener in heard.items():
        events.register(name, listener)
    try:
        yield meter
    finally:
        for name, listener in heard.items():
            events.unregister(name, listener)
