"""Raw items of a stage's table, as DynamoDB stores them."""

from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.db.keys import Key
from chalicelib.db.table import Item, backoff, connection
from chalicelib.errors import ServiceUnavailableError

ATTEMPTS = 8

RawItem = dict[str, dict[str, Any]]


def client() -> Any:
    """Return the botocore client of the table."""
    return connection().connection.client


def name() -> str:
    """Return the name of the table."""
    return str(Item.Meta.table_name)


def pages(**arguments: Any) -> Iterator[dict[str, Any]]:
    """Scan the table, and return the answers one by one: strongly consistent, 1 MB each (AWS quota).

    :param arguments: of Scan, beyond the table's name.
    """
    yield from client().get_paginator("scan").paginate(TableName=name(), ConsistentRead=True, **arguments)


def is_empty() -> bool:
    """Whether the table holds nothing at all."""
    return not next(pages(Limit=1))["Items"]


def get(keys: Sequence[Key]) -> Iterator[RawItem]:
    """Read up to 100 items (AWS quota), strongly consistent.

    :raises ServiceUnavailableError: the table did not return all of them.
    """
    wanted = [{"pk": {"S": key.pk}, "sk": {"S": key.sk}} for key in dict.fromkeys(keys)]
    left: Any = {name(): {"Keys": wanted, "ConsistentRead": True}}
    for attempt in range(ATTEMPTS):
        answer = client().batch_get_item(RequestItems=left)
        yield from answer["Responses"].get(name(), [])
        left = answer.get("UnprocessedKeys")
        if not left:
            return
        backoff(attempt, base=0.1, most=5)
    raise ServiceUnavailableError


def put_newer(item: RawItem) -> bool:
    """Write an item, unless it is there in this version or a newer one, and return whether it was written."""
    arguments: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if "version" in item:
        arguments = {
            "ConditionExpression": "attribute_not_exists(pk) OR #version < :version",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":version": item["version"]},
        }
    try:
        client().put_item(TableName=name(), Item=item, **arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True
