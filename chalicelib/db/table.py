"""The one table: its base item, and reads that are consistent, complete and bounded in time."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar, Self, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from pynamodb.attributes import (
    DiscriminatorAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.connection import TableConnection
from pynamodb.exceptions import PynamoDBException
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from chalicelib.db.keys import MAX_PLACE, Key
from chalicelib.db.metering import meter
from chalicelib.db.personal import Personal
from chalicelib.db.relations import Index, Reference
from chalicelib.errors import ServiceUnavailableError
from chalicelib.settings import Settings

CONNECT_TIMEOUT = 1.0  # seconds
READ_TIMEOUT = 3.0  # seconds: three attempts stay well below API Gateway's 29 s
MAX_RETRIES = 2
BATCH_ATTEMPTS = 5
BATCH_WRITE_LIMIT = 25  # items per BatchWriteItem (AWS quota)
BATCH_READ_LIMIT = 100  # keys per BatchGetItem (AWS quota)

RawKeys = list[dict[str, Any]]


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


class ListingIndex(GlobalSecondaryIndex["Item"]):  # type: ignore[no-untyped-call]  # PynamoDB's own gap
    """The one index: what is listed, in the order of its ids."""

    class Meta:
        """Where the index is."""

        index_name = "gsi1"
        projection = AllProjection()

    gsi1pk = UnicodeAttribute(hash_key=True)
    gsi1sk = UnicodeAttribute(range_key=True)


class Item(Model):
    """Base of every kind of item; `kind` discriminates, so one read can fetch different kinds."""

    class Meta:
        """Where the table is; `connect` fills it in."""

        table_name = "grail-local"
        region = "us-east-1"
        host: str | None = None
        connect_timeout_seconds = CONNECT_TIMEOUT
        read_timeout_seconds = READ_TIMEOUT
        max_retry_attempts = MAX_RETRIES
        max_pool_connections = 10
        billing_mode = "PAY_PER_REQUEST"
        aws_access_key_id: str | None = None
        aws_secret_access_key: str | None = None

    _shared: ClassVar[TableConnection | None] = None

    # Of a kind's attributes; when it grows, tasks/migrations.py brings older items up (docs/data.md).
    SCHEMA: ClassVar[int] = 1
    # How items of a kind name a person; each kind declares it (docs/privacy.md).
    personal: ClassVar[Personal]
    # Attributes that find items of a kind; transactions keep their entries (docs/data.md).
    indexes: ClassVar[tuple[Index, ...]] = ()
    # Attributes that hold ids of other items; transactions see to it that these exist (docs/data.md).
    references: ClassVar[tuple[Reference, ...]] = ()

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute()
    gsi1pk = UnicodeAttribute(null=True)
    gsi1sk = UnicodeAttribute(null=True)
    version = VersionAttribute()
    schema = NumberAttribute(null=True)  # SCHEMA when it was written; absent means 1
    created = UTCDateTimeAttribute(default_for_new=now)
    updated = UTCDateTimeAttribute(default_for_new=now)
    expires_at = NumberAttribute(null=True)  # seconds since 1970, swept by DynamoDB's TTL
    referrers = NumberAttribute(null=True)  # how many items refer to it, and so keep it
    referrals = NumberAttribute(null=True)  # how often that has changed

    listing = ListingIndex()

    @classmethod
    def at(cls, key: Key, **attributes: Any) -> Self:
        """Make an item of this kind under a key."""
        stamp = now()
        item = cls(hash_key=key.pk, range_key=key.sk, **{"created": stamp, "updated": stamp, **attributes})
        item.gsi1pk, item.gsi1sk = item.listed() or (None, None)
        if cls.SCHEMA > 1:
            item.schema = cls.SCHEMA
        return item

    def listed(self) -> tuple[str, str] | None:
        """Return the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return None

    def counted(self) -> tuple[str, ...]:
        """Return the counters that this item is counted in: by default that of its listing."""
        place = self.listed()
        return place[:1] if place else ()

    def unique(self) -> dict[str, Key]:
        """Return the keys of the markers of its unique values, by attribute."""
        return {}

    @property
    def key(self) -> Key:
        """The primary key."""
        return Key(self.pk, self.sk)

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # PynamoDB makes one botocore client per model class; all kinds share the base's, since a client
        # costs more at a cold start than everything else that a request does.
        if Item._shared is None:
            Item._shared = super(Item, Item)._get_connection()
            meter(Item._shared.connection.client)
        return Item._shared

    @classmethod
    def shared_connection(cls) -> TableConnection:
        """Return the connection of all kinds."""
        return cls._get_connection()

    @classmethod
    def disconnect(cls) -> None:
        """Forget the connection, so that the next use reads Meta again."""
        Item._connection = Item._shared = None


def kinds() -> dict[str, type[Item]]:
    """Return every kind of item that was imported, by its name."""
    attribute: Any = Item.kind
    return {attribute.get_discriminator(kind): kind for kind in attribute.get_registered_subclasses(Item)}


T = TypeVar("T", bound=Item)
HIGHEST = chr(0x10FFFF)  # DynamoDB sorts texts by their UTF-8 bytes


def connect(settings: Settings, *, retries: int = MAX_RETRIES) -> None:
    """Point every kind of item at a stage's table, and make the one client there and then.

    Made at import, a client is built in Lambda's unbilled burst of CPU, and by only one thread.

    :param retries: how often botocore repeats what was throttled or timed out.
    """
    Item.Meta.table_name = settings.table_name
    Item.Meta.region = settings.region
    Item.Meta.host = settings.dynamodb_endpoint
    Item.Meta.max_retry_attempts = retries
    Item.Meta.max_pool_connections = settings.connection_pool_size
    # Local engines want credentials and check none: never send them somebody's real ones.
    local = "local" if settings.is_local else None
    Item.Meta.aws_access_key_id = Item.Meta.aws_secret_access_key = local
    Item.disconnect()
    _ = connection().connection.client


def connection() -> TableConnection:
    """Return the connection that all kinds of items share."""
    return Item.shared_connection()


def session() -> Session:
    """Return the botocore session underneath, for clients of other services: a second one costs 100 ms."""
    return connection().connection.session


def create_table() -> None:
    """Create the table with its index and TTL, unless it is there; for local engines and tests."""
    if not Item.exists():
        Item.create_table(wait=True)
        connection().connection.update_time_to_live(Item.Meta.table_name, "expires_at")


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn whatever keeps DynamoDB from answering into a 503.

    :raises ServiceUnavailableError: time-out, throttling or a fault, after botocore's own retries.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise ServiceUnavailableError from error
    except PynamoDBException as error:
        if isinstance(error.cause, (BotoCoreError, ClientError)):
            raise ServiceUnavailableError from error
        raise


def backoff(attempt: int, *, base: float = 0.02, most: float = 0.5) -> None:
    """Sleep a random time that grows with the attempt ("full jitter").

    :param base: the longest first wait, in seconds.
    :param most: the longest wait, in seconds.
    """
    # of the system: a copy of a started process (SnapStart) would repeat the other one's
    time.sleep(random.SystemRandom().uniform(0, min(most, base * 2**attempt)))


def is_expired(item: Item) -> bool:
    """Whether an item has expired; DynamoDB's TTL may sweep it days later."""
    until: float | None = item.expires_at
    return until is not None and until <= time.time()


def retry_unprocessed(todo: RawKeys, step: Callable[[RawKeys], RawKeys]) -> None:
    """Repeat a batch with what DynamoDB left unprocessed, until nothing is left.

    :raises ServiceUnavailableError: something is left after the last attempt; never a short answer.
    """
    for attempt in range(BATCH_ATTEMPTS):
        todo = step(todo)
        if not todo:
            return
        backoff(attempt, base=0.05)
    raise ServiceUnavailableError


def get_many(keys: Iterable[Key]) -> dict[Key, Item]:
    """Read items of any kinds with one strongly consistent BatchGetItem.

    :param keys: at most 100 keys (AWS quota); doubles are read once.
    :returns: those that exist and have not expired, by key.
    :raises ServiceUnavailableError: the table did not give all of them.
    """
    found: dict[Key, Item] = {}

    def step(wanted: RawKeys) -> RawKeys:
        table = Item.Meta.table_name
        with engine_errors():
            # PynamoDB annotates the keys as strings; they are key maps, as DynamoDB wants them.
            answer = connection().connection.batch_get_item(table, wanted, consistent_read=True)  # type: ignore[arg-type]
        for raw in answer["Responses"].get(table, []):
            item = Item.from_raw_data(raw)
            if not is_expired(item):
                found[item.key] = item
        left: RawKeys = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        return left

    wanted = [{"pk": {"S": key.pk}, "sk": {"S": key.sk}} for key in dict.fromkeys(keys)]
    if wanted:
        retry_unprocessed(wanted, step)
    return found


def query(
    kind: type[T],
    partition: str,
    *,
    prefix: str | None = None,
    after: str = "",
    limit: int | None = None,
    attributes: Sequence[str] = (),
    backwards: bool = False,
    begins: str = "",
) -> list[T]:
    """Read the items of one listing in order.

    :param partition: value of gsi1pk; or of pk, when a prefix is given.
    :param prefix: read the table itself (strongly consistent): sort keys that begin with this.
    :param after: continue behind this id.
    :param begins: of a listing, only the places that begin with this; these are not read backwards.
    """
    arguments: dict[str, Any] = {"attributes_to_get": [*attributes, "kind"] if attributes else None}
    if begins:
        least, most = f"{after}\x00" if after else begins, begins + HIGHEST * MAX_PLACE
        arguments |= {"index_name": "gsi1", "range_key_condition": Item.gsi1sk.between(least, most)}
    elif prefix is None:
        place = Item.gsi1sk < after if backwards else Item.gsi1sk > after
        arguments |= {"index_name": "gsi1", "range_key_condition": place if after else None}
    elif after:
        least, most = ("", _before(after)) if backwards else (f"{after}\x00", HIGHEST)
        arguments["range_key_condition"] = Item.sk.between(f"{prefix}{least}", f"{prefix}{most}")
    else:
        arguments["range_key_condition"] = Item.sk.startswith(prefix)
    if backwards:
        arguments["scan_index_forward"] = False
    return [kind.from_raw_data(raw) for raw in _raw_pages(partition, limit, prefix is not None, arguments)]


def _before(text: str) -> str:
    """Return the highest text that DynamoDB sorts before another one."""
    return f"{text[:-1]}{chr(ord(text[-1]) - 1)}{HIGHEST}"


def query_back(
    kind: type[T],
    partition: str,
    *,
    least: str,
    most: str,
    limit: int,
    prefix: str | None = None,
    attributes: Sequence[str] = (),
) -> list[T]:
    """Read the items of one listing, the last ones first.

    :param least: the lowest id, and `most` the highest; both are included.
    """
    arguments: dict[str, Any] = {"attributes_to_get": [*attributes, "kind"], "scan_index_forward": False}
    if prefix is None:
        arguments |= {"index_name": "gsi1", "range_key_condition": Item.gsi1sk.between(least, most)}
    else:
        arguments["range_key_condition"] = Item.sk.between(prefix + least, prefix + most)
    return [kind.from_raw_data(raw) for raw in _raw_pages(partition, limit, prefix is not None, arguments)]


def _raw_pages(
    partition: str, limit: int | None, consistent: bool, arguments: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    start, left = None, limit
    while True:
        with engine_errors():
            page = connection().query(
                partition, limit=left, consistent_read=consistent, exclusive_start_key=start, **arguments
            )
        yield from page["Items"]
        left = left - len(page["Items"]) if left is not None else None
        start = page.get("LastEvaluatedKey")
        if not start or left == 0:
            return


def delete_many(keys: Sequence[Key]) -> None:
    """Delete items without conditions, 25 at a time (AWS quota). Idempotent.

    :raises ServiceUnavailableError: some of them are still there.
    """

    def step(wanted: RawKeys) -> RawKeys:
        table = Item.Meta.table_name
        with engine_errors():
            answer = connection().batch_write_item(delete_items=wanted)
        left = answer.get("UnprocessedItems", {}).get(table, [])
        return [entry["DeleteRequest"]["Key"] for entry in left]

    todo = [{"pk": {"S": key.pk}, "sk": {"S": key.sk}} for key in keys]
    for start in range(0, len(todo), BATCH_WRITE_LIMIT):
        retry_unprocessed(todo[start : start + BATCH_WRITE_LIMIT], step)
