"""Raw items of a stage's table, as DynamoDB stores them: read page by page, written in batches."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError
from pynamodb.exceptions import PynamoDBException

from chalicelib.db.keys import Key
from chalicelib.db.table import BATCH_WRITE_LIMIT, Item, backoff, connection
from chalicelib.errors import ServiceUnavailableError

ATTEMPTS = 8
PASSING = {
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
}

RawItem = dict[str, dict[str, Any]]
T = TypeVar("T")


def client() -> Any:
    """Return the botocore client of the table."""
    return connection().connection.client


def name() -> str:
    """Return the table's name."""
    return str(Item.Meta.table_name)


def patiently(call: Callable[[], T]) -> T:
    """Repeat what was throttled or timed out: unlike a request, a task can wait.

    :raises ClientError: DynamoDB refuses it, or still throttles after eight attempts.
    :raises BotoCoreError: DynamoDB does not answer.
    :raises PynamoDBException: likewise, by a model.
    """
    for attempt in range(ATTEMPTS - 1):
        try:
            return call()
        except ReadTimeoutError:
            pass
        except ClientError as error:
            if error.response["Error"]["Code"] not in PASSING:
                raise
        except PynamoDBException as error:
            if error.cause_response_code not in PASSING and not isinstance(error.cause, ReadTimeoutError):
                raise
        _wait(attempt)
    return call()


def pages(**arguments: Any) -> Iterator[dict[str, Any]]:
    """Scan the table, and yield the answers one by one: strongly consistent, 1 MB each (AWS quota).

    :param arguments: of Scan, beyond the table's name.
    """
    start: dict[str, Any] = {}
    while True:
        page = patiently(
            lambda: client().scan(TableName=name(), ConsistentRead=True, **start, **arguments)  # noqa: B023 - called at once
        )
        yield page
        if not page.get("LastEvaluatedKey"):
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def is_empty() -> bool:
    """Whether the table has no items."""
    return not next(pages(Limit=1))["Items"]


def size() -> int:
    """Return the approximate number of items; DynamoDB updates it about every six hours."""
    return int(patiently(lambda: client().describe_table(TableName=name()))["Table"]["ItemCount"])


def get(keys: Sequence[Key]) -> Iterator[RawItem]:
    """Read up to 100 items (AWS quota), strongly consistent.

    :raises ServiceUnavailableError: the table did not return all of them.
    """
    wanted = [{"pk": {"S": key.pk}, "sk": {"S": key.sk}} for key in dict.fromkeys(keys)]
    left: Any = {name(): {"Keys": wanted, "ConsistentRead": True}}
    for attempt in range(ATTEMPTS):
        answer = patiently(lambda: client().batch_get_item(RequestItems=left))  # noqa: B023 - called at once
        yield from answer["Responses"].get(name(), [])
        left = answer.get("UnprocessedKeys")
        if not left:
            return
        _wait(attempt)
    raise ServiceUnavailableError


def put_batch(items: Sequence[RawItem]) -> None:
    """Write up to 25 items (AWS quota) without conditions. Idempotent.

    :raises ServiceUnavailableError: some of them are not written.
    """
    left: Any = {name(): [{"PutRequest": {"Item": item}} for item in items]}
    for attempt in range(ATTEMPTS):
        left = patiently(lambda: client().batch_write_item(RequestItems=left))["UnprocessedItems"]  # noqa: B023 - called at once
        if not left:
            return
        _wait(attempt)
    raise ServiceUnavailableError


def put_newer(item: RawItem) -> bool:
    """Write an item, unless the table has this version or a newer one; return whether it was written."""
    newer, values = "attribute_not_exists(pk)", {}
    if "version" in item:
        newer, values = f"{newer} OR #version < :version", {":version": item["version"]}
    arguments: dict[str, Any] = {"TableName": name(), "Item": item, "ConditionExpression": newer}
    if values:
        arguments |= {
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": values,
        }
    try:
        patiently(lambda: client().put_item(**arguments))
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True


def batches(items: Iterator[RawItem]) -> Iterator[list[RawItem]]:
    """Split a stream of items into batches that one request may write."""
    batch: list[RawItem] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH_WRITE_LIMIT:
            yield batch
            batch = []
    if batch:
        yield batch


def _wait(attempt: int) -> None:
    backoff(attempt, base=0.1, most=5)
