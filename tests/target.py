"""What the API tests talk to: the application in this process, or a server over HTTP."""

import copy
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, cast

import pytest
from pynamodb.connection import TableConnection

import app as application
from chalicelib.db.table import BATCH_WRITE_LIMIT, Item, connect, connection, create_table, session
from chalicelib.security.keystore import open_keystore
from chalicelib.settings import LOCAL_URL, Settings
from tests import engine
from tests.http import Client, InProcess, OverHttp
from tests.spec import DOCUMENT, SpecCheck
from tests.support import RawItem, dump_table, place

# A local cloud that enforces IAM takes this access key for the root account; other engines check none.
ROOT_KEY = "test"
CLEAN_UP_TAKES = 0.05  # seconds, at most, for a small team
Restore = Callable[[], None]
T = TypeVar("T")


class Target(Protocol):
    """What tests need to know of it."""

    over_http: bool
    base_url: str
    settings: Settings

    def client(self) -> Client:
        """Make a client of it."""
        ...

    def fill(self) -> None:
        """Make its table, empty."""
        ...

    def drop(self) -> None:
        """Remove everything that a test wrote."""
        ...

    def saved(self) -> Restore:
        """Remember what the table holds, and return a function that restores it."""
        ...

    def prepared(self, step: str, make: Callable[[], T]) -> T:
        """Do one step of what tests have in common before they begin, and return what it makes.

        :param step: the same text for the same step.
        """
        ...

    def leave(self) -> None:
        """Clean up after the last test."""
        ...


class Process:
    """The application in this process; each test has a table of its own on the engine in this process."""

    over_http = False
    base_url = LOCAL_URL

    def __init__(self) -> None:
        self.settings = replace(application.settings, dynamodb_endpoint=None)
        self._empty: dict[tuple[str, str], Restore] = {}
        self._prepared: dict[tuple[str, ...], tuple[Restore, Any]] = {}
        self._steps: tuple[str, ...] = ()
        self._writes = 0  # to the table with just these steps
        InProcess.check = SpecCheck(DOCUMENT)

    def client(self) -> Client:
        """Make a client of it."""
        return Client(InProcess(application.app))

    def fill(self) -> None:
        """Make its table, empty."""
        where = (Item.Meta.region, Item.Meta.table_name)
        if Item.Meta.host:  # tests/integration have an engine of their own
            create_table()
        elif where in self._empty:
            self._empty[where]()
        else:
            engine.clear()
            create_table()
            self._empty[where] = engine.saved_tables()
        self._steps, self._writes = (*where, str(Item.Meta.host)), engine.writes()

    def drop(self) -> None:
        """Remove everything that a test wrote."""
        if Item.Meta.host:
            Item.delete_table()
        else:
            engine.clear()

    def saved(self) -> Restore:
        """Remember what the table holds, and return a function that restores it."""
        return engine.saved_items(Item.Meta.region, Item.Meta.table_name)

    def prepared(self, step: str, make: Callable[[], T]) -> T:
        """Do a step, once: whatever test begins with the same ones gets a copy of what they made.

        A table that anything else has written to is not the same.
        """
        if Item.Meta.host or self._writes != engine.writes():
            return make()
        self._steps = (*self._steps, step)
        if self._steps in self._prepared:
            restore, made = self._prepared[self._steps]
            restore()
        else:
            made = make()
            self._prepared[self._steps] = self.saved(), made
            self._writes = engine.writes()
        return cast("T", copy.deepcopy(made))

    def leave(self) -> None:
        """Nothing is left."""


@dataclass(frozen=True)
class Place:
    """Where a server is, and what is behind it.

    :param url: base URL, with the stage's prefix where there is one.
    :param engine: URL of its DynamoDB engine.
    :param table: its table, which is emptied before each test.
    :param secrets: where its document of secrets is, as SECRETS names it: tests sign tokens with its keys.
    """

    url: str
    engine: str
    table: str
    region: str
    secrets: str


class Server:
    """A running server; its one table is emptied before each test, and gets back what it held at the end."""

    over_http = True

    def __init__(self, place: Place) -> None:
        os.environ.update(AWS_ACCESS_KEY_ID=ROOT_KEY, AWS_SECRET_ACCESS_KEY=ROOT_KEY)
        self.settings = replace(
            application.settings,
            stage="server",  # not a local one, whose credentials no IAM knows
            dynamodb_endpoint=place.engine,
            table_name=place.table,
            region=place.region,
            secrets=place.secrets,
        )
        application.api.keystore = open_keystore(self.settings, session())
        document = Client(OverHttp(place.url))("GET", "/api/v1/openapi.json").json
        # what the server calls itself: behind a gateway it need not be the address that clients use
        self.base_url = document["servers"][0]["url"]
        self.transport = OverHttp(place.url, SpecCheck(document))
        InProcess.check = refuse
        connected(self.settings)
        self._found = self.saved()

    def client(self) -> Client:
        """Make a client of it."""
        return Client(self.transport)

    def fill(self) -> None:
        """Make its table, empty."""
        put([])

    def drop(self) -> None:
        """Do nothing: the next test begins by emptying the table."""

    def saved(self) -> Restore:
        """Remember what the table holds, and return a function that restores it."""
        items = dump_table()

        def restore() -> None:
            gone = put(items)
            if any(item["kind"]["S"] == "cleanup" for item in gone):
                # the server may have begun to clean up behind the team that is there again
                time.sleep(CLEAN_UP_TAKES)
                put(items)

        return restore

    def prepared(self, step: str, make: Callable[[], T]) -> T:
        """Do a step; what it makes is known to the server, and not to be had by a copy."""
        return make()

    def leave(self) -> None:
        """Restore what the table held before the first test."""
        connected(self.settings)
        self._found()


def refuse(*_: object) -> None:
    """Fail a test that calls the application in this process, while the tests are about a server."""
    require_process("it calls the application in this process")


def connected(settings: Settings) -> TableConnection:
    """Make a client of a table, for all kinds of items; it costs more than most tests, so keep it."""
    connect(settings)
    return connection()


@contextmanager
def table_of(shared: TableConnection) -> Iterator[None]:
    """Yield an empty table behind a connection."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Item, "_shared", shared)
        # A test may make a client of its own: it has to find this table, whatever earlier ones connected to.
        patch.setattr(Item.Meta, "table_name", shared.table_name)
        patch.setattr(Item.Meta, "region", shared.connection.region)
        patch.setattr(Item.Meta, "host", shared.connection.host)
        present().fill()
        yield
        present().drop()


def put(wanted: list[RawItem]) -> list[RawItem]:
    """Replace the table's items by these, and return the items that were removed."""
    there = {place(item): item for item in dump_table()}
    kept = {place(item): item for item in wanted}
    gone = [item for key, item in there.items() if key not in kept]
    todo: list[dict[str, Any]] = [
        {"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}} for item in gone
    ]
    todo += [{"PutRequest": {"Item": item}} for key, item in kept.items() if there.get(key) != item]
    client, name = connection().connection.client, Item.Meta.table_name
    for start in range(0, len(todo), BATCH_WRITE_LIMIT):
        left = {name: todo[start : start + BATCH_WRITE_LIMIT]}
        while left:
            left = client.batch_write_item(RequestItems=left)["UnprocessedItems"]
    return gone


_present: list[Target] = []


def use(target: Target) -> None:
    """Set what the tests talk to."""
    _present[:] = [target]


def present() -> Target:
    """Return what the tests talk to."""
    return _present[0]


def base_url() -> str:
    """Return the API's own URL: issuer and audience of its tokens, and the base of its links."""
    return present().base_url


def path_of(url: str) -> str:
    """Cut the base off a link of the API's."""
    assert url.startswith(base_url()), url
    return url.removeprefix(base_url())


def require_process(deed: str) -> None:
    """Fail a test that cannot run over HTTP and does not say so."""
    if present().over_http:
        pytest.fail(f"Mark this test with in_process: {deed}.")
