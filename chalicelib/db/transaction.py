"""TransactWriteItems with named conditions: all writes or none, and never twice."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.db.keys import Key
from chalicelib.db.table import Item, backoff, connection, engine_errors, now
from chalicelib.errors import OutcomeUnknownError, ServiceUnavailableError

ATTEMPTS = 20  # about 4 s of waits: fifty writers of one item get through
# Reasons that say nothing about the data: the same transaction may go through a moment later.
PASSING = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
UNDER_WAY = "TransactionInProgressException"
PASSING_ERRORS = {UNDER_WAY, "TransactionConflictException", "ThrottlingException"}


Writes = list[tuple[str, dict[str, Any]]]


class ConditionFailedError(Exception):
    """Raised when a transaction was refused: nothing was written.

    :param names: the names of the writes whose conditions did not hold.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        super().__init__(", ".join(sorted(self.names)))


class Transaction:
    """Collects up to 100 writes (AWS quota) and commits them in one request.

    Every write has a name, by which a refusal tells which condition failed.
    """

    def __init__(self) -> None:
        self._checks: Writes = []
        self._deletes: Writes = []
        self._puts: Writes = []
        self._updates: Writes = []
        self._new: list[Item] = []
        self._changed: list[tuple[Item, Mapping[str, Any]]] = []
        self._stamp = now()  # one for all, so that items in memory say what the table says

    def check(self, name: str, kind: type[Item], key: Key, condition: Condition) -> None:
        """Demand a condition of an item that is not written."""
        arguments = kind.get_operation_kwargs_from_class(key.pk, range_key=key.sk, condition=condition)
        self._checks.append((name, arguments))

    def put(self, name: str, item: Item) -> None:
        """Write a new item; its key must be free."""
        arguments = item.get_save_kwargs_from_instance(condition=Item.pk.does_not_exist())
        self._puts.append((name, arguments))
        self._new.append(item)

    def change(self, name: str, item: Item, values: Mapping[str, Any]) -> None:
        """Set attributes of an item that is still the one that was read; after the commit it has them."""
        attributes = type(item).get_attributes()
        actions: list[Action] = [attributes[field].set(value) for field, value in values.items()]
        self._changed.append((item, dict(values)))
        self.update(name, item, actions)

    def update(
        self,
        name: str,
        item: Item,
        actions: list[Action],
        condition: Condition | None = None,
    ) -> None:
        """Change an item that is still the one that was read."""
        arguments = item.get_update_kwargs_from_instance([*actions, Item.updated.set(self._stamp)], condition)
        self._updates.append((name, arguments))

    def add(self, name: str, item: Item, actions: list[Action], condition: Condition | None = None) -> None:
        """Change an item as it is now, whoever wrote it last: for counting. It is made where it is absent."""
        kind = type(item)
        created = kind.created.set(kind.created | self._stamp)
        stamps = [kind.updated.set(self._stamp), created, kind.kind.set(kind)]
        arguments = connection().get_operation_kwargs(
            item.pk, item.sk, actions=[*actions, *stamps], condition=condition
        )
        self._updates.append((name, arguments))

    def delete(self, name: str, item: Item, condition: Condition | None = None) -> None:
        """Delete an item, only if it is still the one that was read."""
        arguments = item.get_delete_kwargs_from_instance(condition=condition)
        self._deletes.append((name, arguments))

    def commit(self) -> None:
        """Write everything or nothing.

        :raises ConditionFailedError: a condition does not hold.
        :raises ServiceUnavailableError: DynamoDB throttles, or conflicts did not end: nothing was written.
        :raises OutcomeUnknownError: DynamoDB did not answer: it may have been written.
        """
        token = uuid.uuid4().hex
        for attempt in range(ATTEMPTS):
            refusal = self._send(token)
            if refusal is None:
                self._take_over()
                return
            self._require_passing(refusal)
            if refusal.cancellation_reasons:
                # Cancelled for good, so this is another transaction; one still in progress keeps its token.
                token = uuid.uuid4().hex
            is_under_way = _code(refusal) == UNDER_WAY
            backoff(attempt)
        raise OutcomeUnknownError if is_under_way else ServiceUnavailableError

    def _take_over(self) -> None:
        for item in self._new:
            item.version = 1
        for item, values in self._changed:
            for field, value in values.items():
                setattr(item, field, value)
            item.version, item.updated = int(item.version) + 1, self._stamp

    def _send(self, token: str) -> TransactWriteError | None:
        try:
            with engine_errors():
                return self._try(token)
        except ServiceUnavailableError as error:
            if _is_refusal(error):
                raise
            raise OutcomeUnknownError from error.__cause__

    def _try(self, token: str) -> TransactWriteError | None:
        # botocore repeats a request that timed out: the token makes the repetition have one effect.
        try:
            connection().connection.transact_write_items(
                condition_check_items=[write for _, write in self._checks],
                delete_items=[write for _, write in self._deletes],
                put_items=[write for _, write in self._puts],
                update_items=[write for _, write in self._updates],
                client_request_token=token,
            )
        except TransactWriteError as error:
            if error.cancellation_reasons or _code(error) in PASSING_ERRORS:
                return error
            raise
        return None

    def _require_passing(self, error: TransactWriteError) -> None:
        """Go on where another attempt makes sense.

        :raises ConditionFailedError: a condition does not hold.
        """
        reasons = [reason.code if reason else None for reason in error.cancellation_reasons]
        # The reasons come in the order of the request, and PynamoDB orders that by type.
        names = [name for name, _ in self._checks + self._deletes + self._puts + self._updates]
        failed = [
            name for name, code in zip(names, reasons, strict=False) if code == "ConditionalCheckFailed"
        ]
        if failed:
            raise ConditionFailedError(failed) from error
        if reasons and not PASSING.intersection(filter(None, reasons)):
            raise error


def _is_refusal(error: ServiceUnavailableError) -> bool:
    """Whether DynamoDB answered with a 4xx status: then it wrote nothing."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ClientError) and "ResponseMetadata" in cause.response:
            return bool(cause.response["ResponseMetadata"]["HTTPStatusCode"] < 500)
        cause = cause.__cause__ or cause.__context__
    return False


def _code(error: TransactWriteError) -> str:
    cause = error.cause
    return str(cause.response["Error"]["Code"]) if isinstance(cause, ClientError) else ""
