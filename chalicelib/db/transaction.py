"""TransactWriteItems: all writes or none, never twice, and a refusal that says what it means."""

import copy
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.db import keys
from chalicelib.db.cascades import cascades_of
from chalicelib.db.entries import entry_of
from chalicelib.db.keys import Key
from chalicelib.db.references import stakes
from chalicelib.db.table import Item, backoff, connection, engine_errors, now
from chalicelib.db.unique import UniqueName, taken
from chalicelib.errors import ApiError, ConflictError, OutcomeUnknownError, ServiceUnavailableError

ATTEMPTS = 20  # about 4 s of waits: fifty writers of one item get through
CROWDED = 3  # conflicts in a row: more than two or three writers bring about
# Reasons that say nothing about the data: the same transaction may go through a moment later.
CONFLICT = "TransactionConflict"
RETRYABLE = {CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded"}
IN_PROGRESS = "TransactionInProgressException"
RETRYABLE_ERRORS = {IN_PROGRESS, "TransactionConflictException", "ThrottlingException"}

CHECK, DELETE, PUT, UPDATE = (
    "condition_check_items",
    "delete_items",
    "put_items",
    "update_items",
)
# DynamoDB gives its reasons in the order of the request, and PynamoDB orders that by kind.
KINDS = (CHECK, DELETE, PUT, UPDATE)
# What to add instead to which item, when others are met again and again at the first one.
Elsewhere = Callable[[], tuple[Item, list[Action]]]


class StaleError(Exception):
    """Raised when something has changed since it was read: nothing was written.

    Whoever began the work does all of it again, from its reads.
    """


@dataclass(frozen=True)
class _Write:
    kind: str
    arguments: dict[str, Any]
    otherwise: ApiError | None
    elsewhere: Elsewhere | None = None
    lets_go: bool = False  # of what should be there; where it is not, there is nothing to do


class Transaction:
    """Collects up to 100 writes (AWS quota) and commits them in one request.

    Each write says what it means if its condition does not hold: the refusal that it is given as `otherwise`,
    or by default that something has changed since it was read.
    """

    def __init__(self) -> None:
        self._writes: list[_Write] = []
        self._keys: set[Key] = set()
        self._new: list[Item] = []
        self._changed: list[tuple[Item, Mapping[str, Any]]] = []

    @cached_property
    def _stamp(self) -> datetime:
        return now()  # one for all writes

    def __len__(self) -> int:
        """Return how many writes there are."""
        return len(self._writes)

    def writes(self, key: Key) -> bool:
        """Whether the item at a key is written or checked: a transaction takes each item once."""
        return key in self._keys

    def check(
        self, kind: type[Item], key: Key, condition: Condition, *, otherwise: ApiError | None = None
    ) -> None:
        """Demand a condition of an item that is not written."""
        arguments = kind.get_operation_kwargs_from_class(key.pk, range_key=key.sk, condition=condition)
        self._add(CHECK, key, arguments, otherwise)

    def put(self, item: Item, *, otherwise: ApiError | None = None) -> None:
        """Write a new item with its index entries; its key and its unique values must be free.

        What it refers to must exist.
        """
        arguments = item.get_save_kwargs_from_instance(condition=Item.pk.does_not_exist())
        self._add(PUT, item.key, arguments, otherwise)
        self._new.append(item)
        self._index(item, item.attribute_values)
        self._mark(item, {}, item.unique(), None)
        self._refer(item, {}, item.attribute_values)

    def change(self, item: Item, values: Mapping[str, Any], *, if_taken: ApiError | None = None) -> None:
        """Set attributes of an item that is still the one that was read; after the commit it has them.

        The index entries of these attributes are written with it, even if the values are as before.

        :param if_taken: the refusal if another item has a unique value; None for that of `taken`.
        """
        # with its time, so that the item in memory says what the table says
        values = {"updated": self._stamp, **values}
        self._changed.append((item, values))
        attributes = type(item).get_attributes()
        actions: list[Action] = [attributes[field].set(value) for field, value in values.items()]
        self._add(UPDATE, item.key, item.get_update_kwargs_from_instance(actions), None)
        after = changed(item, values)
        self._index(after, values)
        self._mark(item, item.unique(), after.unique(), if_taken)
        self._refer(item, item.attribute_values, after.attribute_values)

    def update(self, item: Item, actions: list[Action], condition: Condition | None = None) -> None:
        """Change an item that is still the one that was read; not what finds or marks it: see `change`."""
        arguments = item.get_update_kwargs_from_instance([*actions, Item.updated.set(self._stamp)], condition)
        self._add(UPDATE, item.key, arguments, None)

    def add(
        self,
        item: Item,
        actions: list[Action],
        condition: Condition | None = None,
        *,
        otherwise: ApiError | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """Change an item whatever its version: for counting. It is created if it is absent.

        :param elsewhere: asked after every third conflict with others at the item.
        """
        self._add(UPDATE, item.key, self._addition(item, actions, condition), otherwise, elsewhere)

    def _addition(
        self, item: Item, actions: list[Action], condition: Condition | None = None
    ) -> dict[str, Any]:
        kind = type(item)
        created = kind.created.set(kind.created | self._stamp)
        stamps = [kind.updated.set(self._stamp), created, kind.kind.set(kind)]
        return connection().get_operation_kwargs(
            item.pk, item.sk, actions=[*actions, *stamps], condition=condition
        )

    def delete(self, item: Item, condition: Condition | None = None) -> None:
        """Delete an item that is still the one that was read, with its index entries.

        What refers to it keeps it, or is deleted, too.

        :raises ConflictError: something refers to it that keeps it.
        """
        if item.referrers:
            others = f"others refer to it ({int(item.referrers)})"
            raise ConflictError(f"This cannot be deleted, since {others}: delete or change those first.")
        unused = Item.referrers.does_not_exist() | (Item.referrers == 0)
        condition = unused if condition is None else condition & unused
        self._add(DELETE, item.key, item.get_delete_kwargs_from_instance(condition=condition), None)
        self._index(item, {index.attribute: None for index in item.indexes})
        self._mark(item, item.unique(), {}, None)
        self._refer(item, item.attribute_values, {})
        for note in cascades_of(item):
            self.put(note)

    def include(self, other: "Transaction") -> None:
        """Take in what another transaction holds: both are committed together."""
        self._writes += other._writes  # noqa: SLF001 - of its own kind
        self._keys |= other._keys  # noqa: SLF001
        self._new += other._new  # noqa: SLF001
        self._changed += other._changed  # noqa: SLF001

    def take_over(self) -> None:
        """Make the items in memory what they are in the table after the commit. Idempotent.

        The commit does it, too. If the commit fails, they are to be read again.
        """
        for item in self._new:
            item.version = 1
        for item, values in self._changed:
            for field, value in values.items():
                setattr(item, field, value)
            item.version = int(item.version) + 1
        self._new, self._changed = [], []

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

    def _mark(
        self, item: Any, before: Mapping[str, Key], after: Mapping[str, Key], if_taken: ApiError | None
    ) -> None:
        # A spelling that folds to the same key keeps its marker.
        for field, key in after.items():
            if key not in before.values():
                self.put(UniqueName.of(item, key), otherwise=if_taken or taken(field))
        for key in before.values():
            if key not in after.values():
                # nobody else's, should two items have the value
                its_own = (UniqueName.version == 1) & (UniqueName.item_id == item.id)
                arguments = connection().get_operation_kwargs(*key, condition=its_own)
                self._add(DELETE, key, arguments, None, lets_go=True)

    def _add(
        self,
        kind: str,
        key: Key,
        arguments: dict[str, Any],
        otherwise: ApiError | None,
        elsewhere: Elsewhere | None = None,
        *,
        lets_go: bool = False,
    ) -> None:
        self._keys.add(key)
        self._writes.append(_Write(kind, arguments, otherwise, elsewhere, lets_go))

    def _index(self, item: Item, values: Mapping[str, Any]) -> None:
        """Write the index entries of new values; of None, delete them."""
        # Without conditions: whoever writes an entry writes its item as well, which has one.
        for index in item.indexes:
            if index.attribute not in values:
                continue
            key = keys.index_entry(*item.key, index.attribute)
            entry = entry_of(item, index, values[index.attribute])
            if entry:
                arguments = connection().get_operation_kwargs(*key, key="Item", attributes=entry.serialize())
                self._add(PUT, key, arguments, None)
            else:
                self._add(DELETE, key, connection().get_operation_kwargs(*key), None)

    def _refer(self, item: Item, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Demand that what an item refers to exists, and count there what keeps it from being deleted."""
        for key, stake in stakes(item.references, before, after).items():
            if key == item.key:
                raise stake.unknown
            if stake.amount:
                # whatever its version: it shows the same as before
                actions = [Item.referrers.add(stake.amount), Item.referrals.add(1)]
                arguments = connection().get_operation_kwargs(
                    *key, actions=actions, condition=Item.pk.exists()
                )
                self._add(UPDATE, key, arguments, stake.unknown, lets_go=not stake.new)
            elif not self.writes(key):
                self.check(Item, key, Item.pk.exists(), otherwise=stake.unknown)

    def _of(self, kind: str) -> list[_Write]:
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

    def _stopped(self, error: TransactWriteError, code: str) -> list[_Write]:
        """Return the writes that a transaction was cancelled for, for one reason."""
        sent = [write for kind in KINDS for write in self._of(kind)]
        reasons = zip(sent, error.cancellation_reasons, strict=False)
        return [write for write, reason in reasons if reason and reason.code == code]

    def _make_way(self, error: TransactWriteError) -> None:
        """Replace the writes that met others by what they do elsewhere."""
        for write in self._stopped(error, CONFLICT):
            if write.elsewhere:
                item, actions = write.elsewhere()
                self._keys.add(item.key)
                place = self._writes.index(write)
                self._writes[place] = replace(write, arguments=self._addition(item, actions))


def changed(item: Item, values: Mapping[str, Any]) -> Item:
    """Return a copy of an item in memory with other values."""
    other = copy.copy(item)
    other.attribute_values = {**item.attribute_values, **values}
    return other


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
