"""Raw items of a stage's table, as DynamoDB stores them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.db.keys import Key
from chalicelib.db.table import Item, RawKeys, connection, retry_unprocessed

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


def items_of(kinds: Iterable[str]) -> Iterator[RawItem]:
    """Read all items of some kinds; DynamoDB reads the others, too, but does not send them."""
    values = {f":kind{number}": {"S": kind} for number, kind in enumerate(kinds)}
    arguments = {
        "FilterExpression": f"#kind IN ({', '.join(values)})",
        "ExpressionAttributeNames": {"#kind": "kind"},
        "ExpressionAttributeValues": values,
    }
    for page in pages(**arguments) if values else ():
        yield from page["Items"]


def is_empty() -> bool:
    """Whether the table holds nothing at all."""
    return not next(pages(Limit=1))["Items"]


def get(keys: Sequence[Key]) -> list[RawItem]:
    """Read up to 100 items (AWS quota), strongly consistent.

    :raises ServiceUnavailableError: the table did not return all of them.
    """
    found: list[RawItem] = []

    def step(wanted: RawKeys) -> RawKeys:
        answer = client().batch_get_item(RequestItems={name(): {"Keys": wanted, "ConsistentRead": True}})
        found.extend(answer["Responses"].get(name(), []))
        left: RawKeys = answer.get("UnprocessedKeys", {}).get(name(), {}).get("Keys", [])
        return left

    retry_unprocessed([{"pk": {"S": key.pk}, "sk": {"S": key.sk}} for key in dict.fromkeys(keys)], step)
    return found


def put_newer(item: RawItem) -> bool:
    """Write an item, unless it is there in this version or a newer one, and return whether it was written."""
    try:
        client().put_item(
            TableName=name(),
            Item=item,
            ConditionExpression="attribute_not_exists(pk) OR #version < :version",
            ExpressionAttributeNames={"#version": "version"},
            ExpressionAttributeValues={":version": item.get("version", {"N": "0"})},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True
