"""Many callers at once over HTTP."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from tests.http import Answer

T = TypeVar("T")
FEW = range(3)


def rounds(number: int) -> list[Any]:
    """Return parameters: a few rounds find what is often wrong; the others, slow tests, what rarely is."""
    return [*FEW, *(pytest.param(each, marks=pytest.mark.slow) for each in range(len(FEW), number))]


def at_once(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Make every call in a separate thread, all starting at the same moment."""
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
