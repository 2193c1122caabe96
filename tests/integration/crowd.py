"""Many callers at once over HTTP."""

import http.client
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.http import Answer

T = TypeVar("T")


class Direct:
    """Sends each request over a connection of its own, so that threads share nothing."""

    def __init__(self, netloc: str) -> None:
        self.netloc = netloc

    def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, source: str
    ) -> Answer:
        """Send one request; the server sees this machine's loopback address as its source."""
        wire = http.client.HTTPConnection(self.netloc, timeout=60)
        try:
            wire.request(method, path, body, headers)
            got = wire.getresponse()
            return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        finally:
            wire.close()


def at_once(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Make every call in a thread of its own, all of them let go in the same moment."""
    todo = list(calls)
    gate = threading.Barrier(len(todo))

    def run(call: Callable[[], T]) -> T:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(todo)) as pool:
        return list(pool.map(run, todo))


def statuses(answers: Iterable[Answer]) -> Counter[int]:
    """Count the answers by status."""
    return Counter(answer.status for answer in answers)
