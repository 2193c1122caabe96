"""TransactWriteItems: all writes or none, never twice, and a refusal that says what it means."""

import copy
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.db.companions import CHECK, DELETE, EXISTS, PUT, UPDATE, Write, companions, put
from chalicelib.db.keys import Key
from chalicelib.db.table import Item, backoff, connection, engine_errors, now
from chalicelib.errors import ApiError, ConflictError, OutcomeUnknownError, ServiceUnavailableError

ATTEMPTS = 20  # about 4 s of waits: fifty writers of one item get through
CROWDED = 3  # conflicts in a row: more than two or three writers bring about
# Reasons that say nothing about the data: the same transaction may go through a moment later.
CONFLICT = "TransactionConflict"
RETRYABLE = {CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded"}
IN_PROGRESS = "TransactionInProgressException"
RETRYABLE_ERRORS = {IN_PROGRESS, "TransactionConflictException", "ThrottlingException"}
# DynamoDB gives its reasons in the order of the request, and PynamoDB orders that by kind.
KINDS = (CHECK, DELETE, PUT, UPDATE)


class StaleError(Exception):
    """Raised when something has changed since it was read: nothing was written.

    Whoever began the work does all of it again, from its reads.
    """


class Transaction:
    """Collects up to 100 writes (AWS quota) and commits them in one request.

    Each write says what it means if its condition does not hold: the refusal that it is given as `otherwise`,
    or by default that something has changed since it was read.
    """

    def __init__(self) -> None:
        self._writes: list[Write] = []
        self._changed: list[tuple[Item, Mapping[str, Any]]] = []

    @cached_property
    def _stamp(self) -> datetime:
        return now()  # one for all writes

    def __len__(self) -> int:
        """Return how many writes there are."""
        return len(self._writes)

    def check(
        self, kind: type[Item], key: Key, condition: Condition, *, otherwise: ApiError | None = None
    ) -> None:
        """Demand a condition of an item that is not written."""
        self._writes.append(Write(CHECK, key, condition, otherwise=otherwise))

    def hold(self, item: Item) -> None:
        """Demand that an item is still the one that was read, unless another write says what it must be."""
        for place, write in enumerate(self._writes):
            if write.key == item.key:
                if write.condition is EXISTS:  # that of a reference to it
                    held = replace(write, condition=_unchanged(item), otherwise=None, lets_go=False)
                    self._writes[place] = held
                return
        self.check(type(item), item.key, _unchanged(item))

    def put(self, item: Item, *, otherwise: ApiError | None = None) -> None:
        """Write a new item with its index entries; its key and its unique values must be free.

        What it refers to must exist.
        """
        self._writes.append(put(item, otherwise))
        self._accompany(None, item, item.attribute_values)

    def change(self, item: Item, values: Mapping[str, Any], *, if_taken: ApiError | None = None) -> None:
        """Set attributes of an item that is still the one that was read; after the commit it has them.

        The index entries of these attributes are written with it, even if the values are as before.

        :param if_taken: the refusal if another item has a unique value; None for that of `taken`.
        """
        # with its time, so that the item in memory says what the table says
        values = {"updated": self._stamp, **values}
        self._changed.append((item, values))
        attributes = type(item).get_attributes()
        self._update(item, [attributes[field].set(value) for field, value in values.items()])
        self._accompany(item, changed(item, values), values, if_taken)

    def update(self, item: Item, actions: list[Action], condition: Condition | None = None) -> None:
        """Change an item that is still the one that was read; not what finds or marks it: see `change`."""
        self._update(item, [*actions, Item.updated.set(self._stamp)], condition)

    def _update(self, item: Item, actions: list[Action], condition: Condition | None = None) -> None:
        unchanged = condition & _unchanged(item)
        self._writes.append(Write(UPDATE, item.key, unchanged, [*actions, Item.version.add(1)]))

    def add(
        self,
        item: Item,
        actions: list[Action],
        condition: Condition | None = None,
        *,
        otherwise: ApiError | None = None,
        elsewhere: Callable[[], tuple[Item, list[Action]]] | None = None,
    ) -> None:
        """Change an item whatever its version: for counting. It is created if it is absent.

        :param elsewhere: asked after every third conflict with others at the item.
        """
        stamped = self._stamped(item, actions)
        self._writes.append(
            Write(UPDATE, item.key, condition, stamped, otherwise=otherwise, elsewhere=elsewhere)
        )

    def _stamped(self, item: Item, actions: list[Action]) -> list[Action]:
        created = Item.created.set(Item.created | self._stamp)
        return [*actions, Item.updated.set(self._stamp), created, Item.kind.set(type(item))]

    def delete(self, item: Item, condition: Condition | None = None) -> None:
        """Delete an item that is still the one that was read, with its index entries.

        What refers to it keeps it, or is deleted, too.

        :raises ConflictError: something refers to it that keeps it.
        """
        if item.referrers:
            others = f"others refer to it ({int(item.referrers)})"
            raise ConflictError(f"This cannot be deleted, since {others}: delete or change those first.")
        unused = Item.referrers.does_not_exist() | (Item.referrers == 0)
        self._writes.append(Write(DELETE, item.key, condition & unused & _unchanged(item)))
        self._accompany(item, None, item.get_attributes())

    def _accompany(
        self,
        before: Item | None,
        after: Item | None,
        attributes: Collection[str],
        if_taken: ApiError | None = None,
    ) -> None:
        there = {write.key for write in self._writes}
        found = companions(before, after, attributes, if_taken)
        # A transaction takes each item once: what it writes already need not be checked.
        self._writes += [write for write in found if write.kind != CHECK or write.key not in there]

    def include(self, other: "Transaction") -> None:
        """Take in what another transaction holds: both are committed together."""
        self._writes += other._writes  # noqa: SLF001 - of its own kind
        self._changed += other._changed  # noqa: SLF001

    def take_over(self) -> None:
        """Make the items in memory what they are in the table after the commit. Idempotent.

        The commit does it, too. If the commit fails, they are to be read again.
        """
        for item, values in self._changed:
            for field, value in values.items():
                setattr(item, field, value)
            item.version = int(item.version) + 1
        self._changed = []

    def commit(self) -> None:
        """Write everything or nothing.

        :raises StaleError: something has changed since it was read.
        :raises ApiError: another condition does not hold; it is the refusal that the first such write was
            given, together with what others of its type say.
        :raises ServiceUnavailableError: DynamoDB throttles, or conflicts did not end: nothing was written.
        :raises OutcomeUnknownError: DynamoDB did not answer: it may have been written.
        """
        token = uuid.uuid4().hex
        for attempt in range(ATTEMPTS):
            failure = self._send(token)
            if failure is None:
                self.take_over()
                return
            self._require_retryable(failure)
            if attempt % CROWDED == CROWDED - 1:
                self._make_way(failure)
            if failure.cancellation_reasons:
                # Cancelled for good, so this is another transaction; one still in progress keeps its token.
                token = uuid.uuid4().hex
            is_in_progress = _code(failure) == IN_PROGRESS
            backoff(attempt)
        raise OutcomeUnknownError if is_in_progress else ServiceUnavailableError

    def _of(self, kind: str) -> list[Write]:
        return [write for write in self._writes if write.kind == kind]

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
        writes: dict[str, Any] = {kind: [write.arguments for write in self._of(kind)] for kind in KINDS}
        try:
            connection().connection.transact_write_items(**writes, client_request_token=token)
        except TransactWriteError as error:
            if error.cancellation_reasons or _code(error) in RETRYABLE_ERRORS:
                return error
            raise
        return None

    def _require_retryable(self, error: TransactWriteError) -> None:
        """Go on where another attempt makes sense.

        :raises StaleError: something has changed since it was read.
        :raises ApiError: another condition does not hold.
        """
        codes = [reason.code if reason else None for reason in error.cancellation_reasons]
        failed = self._stopped(error, "ConditionalCheckFailed")
        needed = [write for write in self._writes if write in failed and not write.lets_go]
        if needed:
            raise _refusal(write.otherwise for write in needed) from error
        if failed:
            self._writes = [write for write in self._writes if write not in failed]
        elif codes and not RETRYABLE.intersection(filter(None, codes)):
            raise error

    def _stopped(self, error: TransactWriteError, code: str) -> list[Write]:
        """Return the writes that a transaction was cancelled for, for one reason."""
        sent = [write for kind in KINDS for write in self._of(kind)]
        reasons = zip(sent, error.cancellation_reasons, strict=False)
        return [write for write, reason in reasons if reason and reason.code == code]

    def _make_way(self, error: TransactWriteError) -> None:
        """Replace the writes that met others by what they do elsewhere."""
        for write in self._stopped(error, CONFLICT):
            if write.elsewhere:
                item, actions = write.elsewhere()
                place = self._writes.index(write)
                self._writes[place] = replace(write, key=item.key, actions=self._stamped(item, actions))


def changed(item: Item, values: Mapping[str, Any]) -> Item:
    """Return a copy of an item in memory as a change makes it."""
    other = copy.copy(item)
    other.attribute_values = {**item.attribute_values, "version": int(item.version or 0) + 1, **values}
    return other


def _unchanged(item: Item) -> Condition:
    version: Any = item.version
    condition: Condition = Item.version.does_not_exist() if version is None else Item.version == version
    return condition


def _refusal(found: Iterable[ApiError | None]) -> Exception:
    refusals = []
    for refusal in found:
        # What has changed decides first: everything else was concluded from what was read.
        if refusal is None:
            return StaleError()
        refusals.append(refusal)
    first, *others = refusals
    for other in others:
        if type(other) is type(first) and other.errors:
            first.detail = f"{first.detail} {other.detail}"
            first.args = (first.detail,)
            first.errors += other.errors
    return first


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
