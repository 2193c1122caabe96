"""Counters on AWS's DynamoDB Local: exact at any moment, for many writers and readers in many containers."""

import json
import secrets
import threading
import time
from collections import Counter as Tally
from collections import UserDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

from chalicelib.context import Context
from chalicelib.db import counters, keys, transaction
from chalicelib.db.counters import MAX_SHARDS, Counter
from chalicelib.db.table import get_many
from chalicelib.db.transaction import Transaction
from tasks.data import shards
from tests.db.test_counters import open_shards
from tests.integration.crowd import at_once
from tests.integration.wire import TRANSACTION, Send, between, cancelled, conflicts, operation_of
from tests.support import a_context

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table", "containers")]

WRITERS, READERS, WRITES = 24, 4, 20
FIRST = keys.counter("things")


class Containers(UserDict[str, int]):
    """What each thread knows, as if it were a container of its own."""

    def __init__(self) -> None:
        self._local = threading.local()

    @property
    def data(self) -> dict[str, int]:  # type: ignore[override]
        """What this thread knows."""
        known: dict[str, int] = self._local.__dict__.setdefault("data", {})
        return known


@pytest.fixture
def containers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread is a container, and no slow machine makes a writer give up."""
    monkeypatch.setattr(counters, "_widths", Containers())
    monkeypatch.setattr(transaction, "ATTEMPTS", 200)


def read() -> int:
    """Read the counter as lists do."""
    context: Context = a_context()
    context.read(counters.shards("things"))
    context.read(counters.in_use("things", context.items))
    return counters.total("things", context.items)


def write() -> None:
    """Count one thing."""
    work = Transaction()
    counters.add(work, "things", 1)
    work.commit()


def write_as_before() -> None:
    """Count one thing as version 0.1 does."""
    work = Transaction()
    shard = Counter.at(keys.counter("things", secrets.randbelow(MAX_SHARDS)))
    work.add(shard, [Counter.amount.add(1), Counter.version.add(1)])
    work.commit()


def opened() -> set[int]:
    """The numbers of the shards in use."""
    first = get_many([FIRST])[FIRST]
    assert isinstance(first, Counter)
    return {int(number) for number in first.in_use or ()}


class Watch:
    """Compares each total that is read with what was begun and what was done around it."""

    def __init__(self) -> None:
        self.lock, self.seen, self.ended = threading.Lock(), Tally[str](), threading.Event()

    def note(self, what: str) -> None:
        """Note that something was begun or done."""
        with self.lock:
            self.seen[what] += 1

    def write(self, deed: Callable[[], None]) -> None:
        """Write often."""
        for _ in range(WRITES):
            self.note("begun")
            deed()
            self.note("done")

    def read(self) -> int:
        """Read again and again, and return how often."""
        number = 0
        while not self.ended.is_set():
            least = self.seen["done"]
            found = read()
            assert least <= found <= self.seen["begun"]
            number += 1
        return number

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read for as long as the context lasts."""
        with ThreadPoolExecutor(READERS) as pool:
            readers = [pool.submit(self.read) for _ in range(READERS)]
            try:
                yield
            finally:
                self.ended.set()
            assert all(reader.result() > 1 for reader in readers)


def test_every_total_is_exact_while_shards_are_opened() -> None:
    """Many writers meet at one shard, open others, and no reader misses what was written before it read."""
    shards.mark()
    watch = Watch()
    with conflicts() as seen, watch.reading():
        at_once([partial(watch.write, write)] * WRITERS)
    assert read() == WRITERS * WRITES
    assert seen["cancelled"] > 0
    assert len(opened()) > 1
    assert set(get_many(counters.every_shard("things"))) <= set(
        counters.every_shard("things")[: len(opened())]
    )


@contextmanager
def met(times: int, deed: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Cancel the first transactions of each thread by conflicts; do something before the next one is sent."""
    sent = Containers()

    def act(request: AWSPreparedRequest, send: Send) -> Any:
        if operation_of(request) == TRANSACTION:
            sent["sent"] = sent.get("sent", 0) + 1
            if sent["sent"] <= times:
                return cancelled(request, [True] * len(json.loads(request.body)["TransactItems"]))
            if sent["sent"] == times + 1:
                deed()
        return send(request)

    with between(act):
        yield


def test_two_open_the_same_shards_at_once() -> None:
    """Both count, and what they opened is open once."""
    shards.mark()
    gate = threading.Barrier(2)
    with met(transaction.CROWDED, gate.wait):
        at_once([write, write])
    assert (opened(), read()) == ({0, 1}, 2)


def test_nobody_closes_what_others_have_opened() -> None:
    """One who believes that there is one shard opens the second, when four are in use already."""
    shards.mark()
    with met(transaction.CROWDED, partial(open_shards, "things", 4)):
        write()
    assert (opened(), read()) == ({0, 1, 2, 3}, 1)


@pytest.mark.parametrize("known", [{}, {counters.MIGRATED: 1, "things": MAX_SHARDS}])
def test_no_more_are_opened_than_there_can_be(known: dict[str, int]) -> None:
    """None in a table that version 0.1 may still write to, and no ninth."""
    if known:
        shards.mark()
        open_shards("things", MAX_SHARDS)
        counters._widths.update(known)
    with met(4 * transaction.CROWDED):
        write()
    assert (opened() if known else set(), read()) == (set(range(MAX_SHARDS)) if known else set(), 1)


@pytest.mark.parametrize(("most", "expected"), [(3, {0, 1, 2}), (1, {0, 1})])
def test_the_most_may_be_any_number(monkeypatch: pytest.MonkeyPatch, most: int, expected: set[int]) -> None:
    """Not only a power of two; and others, whose code has a higher one, may have opened more."""
    shards.mark()
    open_shards("things", 2)
    counters._widths.update({counters.MIGRATED: 1, "things": 2})
    monkeypatch.setattr(counters, "MAX_SHARDS", most)
    with met(transaction.CROWDED):
        write()
    assert (opened(), read()) == (expected, 1)


def test_every_total_is_exact_while_containers_of_both_versions_write() -> None:
    """During a deployment; then while db.migrate leaves one shard of each counter."""
    watch = Watch()
    with watch.reading():
        at_once([partial(watch.write, deed) for deed in (write, write_as_before) * 4])
        ended = threading.Event()

        def go_on() -> None:
            while not ended.is_set():
                watch.write(write)

        with ThreadPoolExecutor(1) as pool:
            writer = pool.submit(go_on)
            shards.gather(rate=100, say=lambda _: None, sleep=lambda seconds: time.sleep(min(seconds, 1)))
            ended.set()
        writer.result()
    assert read() == watch.seen["done"]
    assert (opened(), list(get_many(counters.every_shard("things")))) == ({0}, [FIRST])
