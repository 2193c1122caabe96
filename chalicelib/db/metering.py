"""What requests to DynamoDB cost: botocore's events add it to the measurement of the request that runs."""

from typing import Any

from botocore.client import BaseClient

from chalicelib.telemetry.measure import count

READS = frozenset({"BatchGetItem", "GetItem", "Query"})


def meter(client: BaseClient) -> None:
    """Count round trips and consumed capacity of a client. Idempotent.

    What a refused request consumed, such as a cancelled transaction, DynamoDB does not tell.
    """
    events = client.meta.events
    events.register("before-parameter-build.dynamodb", _ask, unique_id="grail-ask")
    events.register("request-created.dynamodb", _sent, unique_id="grail-sent")
    events.register("after-call.dynamodb", _charged, unique_id="grail-charged")


def _ask(params: dict[str, Any], model: Any, **_: Any) -> None:
    # operations on tables have nothing to tell
    if "ReturnConsumedCapacity" in model.input_shape.members:
        params.setdefault("ReturnConsumedCapacity", "TOTAL")


def _sent(**_: Any) -> None:
    count("round_trips")


def _charged(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    capacity = parsed.get("ConsumedCapacity", [])
    units = sum(
        entry.get("CapacityUnits", 0) for entry in (capacity if isinstance(capacity, list) else [capacity])
    )
    if units:
        count("read_units" if model.name in READS else "write_units", units)
