"""What code asks of AWS: calls as botocore sends them, and the IAM permissions that they need."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.client import BaseClient

# TransactWriteItems needs the permission of each write in it (DynamoDB's guide, "IAM and transactions").
IN_TRANSACTIONS = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}
Permission = tuple[str, str]


@contextmanager
def recorded(client: BaseClient, found: set[Permission]) -> Iterator[None]:
    """Note the permissions that the calls of a client need: action and resource."""
    service = client.meta.service_model.service_name

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        found.update(permissions(service, model.name, params))

    event = f"before-parameter-build.{service}"
    client.meta.events.register(event, note)
    try:
        yield
    finally:
        client.meta.events.unregister(event, note)


def permissions(service: str, operation: str, params: dict[str, Any]) -> set[Permission]:
    """Return the permissions that one call needs."""
    if service == "ssm":
        return {(f"ssm:{operation}", f"parameter{params['Name']}")}
    if operation == "TransactWriteItems":
        return {
            (IN_TRANSACTIONS[kind], f"table/{write[kind]['TableName']}")
            for write in params["TransactItems"]
            for kind in write
        }
    tables = [params["TableName"]] if "TableName" in params else list(params["RequestItems"])
    index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
    return {(f"dynamodb:{operation}", f"table/{table}{index}") for table in tables}
