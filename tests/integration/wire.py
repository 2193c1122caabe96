"""Between the application and DynamoDB Local: lost answers, forced races, conflicts as on AWS."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError

from chalicelib.db.table import connection

TRANSACTION = "TransactWriteItems"
TOGETHER_WITHIN = 30  # seconds

Send = Callable[[AWSPreparedRequest], Any]


class _Raw(BytesIO):
    """A body as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        """Yield the whole body."""
        yield self.read()


def operation_of(request: AWSPreparedRequest) -> str:
    """Return the name of a request's DynamoDB operation."""
    target = request.headers["X-Amz-Target"]
    return (target.decode() if isinstance(target, bytes) else str(target)).split(".")[1]


@contextmanager
def between(act: Callable[[AWSPreparedRequest, Send], Any]) -> Iterator[None]:
    """Put a function between botocore and the network."""
    session = connection().connection.client._endpoint.http_session
    genuine = session.send
    session.send = lambda request: act(request, genuine)
    try:
        yield
    finally:
        session.send = genuine


@contextmanager
def lost_answer(number: int) -> Iterator[list[str]]:
    """Lose the answer to the request of this number, counted from zero; yields the names of all requests."""
    sent: list[str] = []

    def act(request: AWSPreparedRequest, send: Send) -> Any:
        sent.append(operation_of(request))
        losing = len(sent) == number + 1
        answer = send(request)
        if losing:
            raise ReadTimeoutError(endpoint_url=request.url)
        return answer

    with between(act):
        yield sent


@contextmanager
def no_answers() -> Iterator[None]:
    """Pass every transaction on to the engine, and cut off each answer."""

    def act(request: AWSPreparedRequest, send: Send) -> Any:
        answer = send(request)
        if operation_of(request) == TRANSACTION:
            raise ReadTimeoutError(endpoint_url=request.url)
        return answer

    with between(act):
        yield


@contextmanager
def together(number: int) -> Iterator[None]:
    """Hold the first transactions back until that many are ready: all have read before one writes."""
    gate = threading.Barrier(number)
    places = iter(range(number))
    lock = threading.Lock()

    def act(request: AWSPreparedRequest, send: Send) -> Any:
        with lock:
            waits = operation_of(request) == TRANSACTION and next(places, None) is not None
        if waits:
            gate.wait(TOGETHER_WITHIN)
        return send(request)

    with between(act):
        yield


@contextmanager
def meanwhile(deed: Callable[[], object]) -> Iterator[None]:
    """Do something when the first transaction is ready to be sent, and send it afterwards."""
    todo = [deed]

    def act(request: AWSPreparedRequest, send: Send) -> Any:
        if operation_of(request) == TRANSACTION and todo:
            todo.pop()()
        return send(request)

    with between(act):
        yield


@contextmanager
def conflicts() -> Iterator[Counter[str]]:
    """Cancel a transaction that meets another one under way on the same item, as AWS does.

    DynamoDB Local lets it wait instead. The first ones stay under way until one has been met, so that
    conflicts do not depend on the machine's speed. Yields how many were cancelled.
    """
    lock, under_way, seen = threading.Lock(), Counter[str](), Counter[str]()
    one_met = threading.Event()

    def act(request: AWSPreparedRequest, send: Send) -> Any:
        if operation_of(request) != TRANSACTION:
            return send(request)
        keys = _keys(request)
        with lock:
            met = [under_way[key] > 0 for key in keys]
            if any(met):
                seen["cancelled"] += 1
                one_met.set()
                return cancelled(request, met)
            under_way.update(keys)
        try:
            one_met.wait(TOGETHER_WITHIN)
            return send(request)
        finally:
            with lock:
                under_way.subtract(keys)

    with between(act):
        yield seen


def _keys(request: AWSPreparedRequest) -> list[str]:
    entries = [next(iter(entry.values())) for entry in json.loads(request.body)["TransactItems"]]
    places = [entry.get("Key") or entry["Item"] for entry in entries]
    return [f"{place['pk']['S']} {place['sk']['S']}" for place in places]


def cancelled(request: AWSPreparedRequest, met: list[bool]) -> AWSResponse:
    """Answer that a transaction met others at some of its items."""
    body = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": [{"Code": "TransactionConflict" if each else "None"} for each in met],
    }
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, 400, headers, _Raw(json.dumps(body).encode()))
