"""Stands between botocore and the table in this process: counts, loses or falsifies messages."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ReadTimeoutError
from moto.core.models import botocore_stubber

from tests.target import require_process

WRITES = frozenset({"TransactWriteItems", "BatchWriteItem", "PutItem", "UpdateItem", "DeleteItem"})

Wired = Any  # status, headers and body, as moto's stub has them
Forward = Callable[[], Wired]


class Killed(BaseException):
    """The process ends here: no handler of exceptions may go on."""


@dataclass(frozen=True)
class Sent:
    """One request to DynamoDB."""

    operation: str
    body: dict[str, Any]


Rule = Callable[[Sent, Forward], Wired]


@contextmanager
def wire(rule: Rule = lambda _, forward: forward()) -> Iterator[list[Sent]]:
    """Apply a rule to every request: answer in the table's place, or pass it on. Yields what was sent."""
    require_process("it stands between botocore and the table")
    sent: list[Sent] = []
    genuine = botocore_stubber.process_request

    def process(request: AWSPreparedRequest) -> Any:
        target = request.headers["X-Amz-Target"]
        name = target.decode() if isinstance(target, bytes) else str(target)
        sent.append(Sent(name.split(".")[1], json.loads(request.body)))
        return rule(sent[-1], lambda: genuine(request))

    with patch.object(botocore_stubber, "process_request", process):
        yield sent


def refusal(code: str, status: int = 400, **more: Any) -> Wired:
    """Make an error as DynamoDB words it."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "injected", **more}
    return status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(body)


def cancelled(*codes: str) -> Wired:
    """Make a TransactionCanceledException with these reasons."""
    reasons = [{"Code": code} for code in codes]
    return refusal("TransactionCanceledException", CancellationReasons=reasons)


def lose() -> Wired:
    """Lose the answer.

    :raises ReadTimeoutError: always.
    """
    raise ReadTimeoutError(endpoint_url="https://dynamodb")


def first(times: int, operation: str, answer: Callable[[], Wired]) -> Rule:
    """Answer the first requests of an operation in the table's place."""
    seen: list[Sent] = []

    def rule(sent: Sent, forward: Forward) -> Wired:
        if sent.operation == operation and len(seen) < times:
            seen.append(sent)
            return answer()
        return forward()

    return rule


def killed_before_write(number: int) -> Rule:
    """End the process before the write of this number, counted from zero."""
    writes: list[Sent] = []

    def rule(sent: Sent, forward: Forward) -> Wired:
        if sent.operation in WRITES:
            if len(writes) == number:
                raise Killed
            writes.append(sent)
        return forward()

    return rule


def altered(times: int, operation: str, change: Callable[[Sent, dict[str, Any]], None]) -> Rule:
    """Change the first answers of an operation on their way back."""
    seen: list[Sent] = []

    def rule(sent: Sent, forward: Forward) -> Wired:
        status, headers, raw = forward()
        if sent.operation == operation and len(seen) < times:
            seen.append(sent)
            body = json.loads(raw)
            change(sent, body)
            raw = json.dumps(body)
            headers = {"Content-Type": "application/x-amz-json-1.0"}
        return status, headers, raw

    return rule
