"""Bombs at every operation: work is bounded in advance, so that none costs much more than a plain request."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

import app as application
from chalicelib.settings import Settings
from chalicelib.web.operation import Operation
from tests.api.world import World, open_world
from tests.bombs import Bomb, bombs, callers, send
from tests.http import Answer

pytestmark = [pytest.mark.slow, pytest.mark.in_process("counts calls in this process")]

# Calls beyond a plain request: 64 KiB of JSON can have 21,000 elements, and each of them is parsed.
MOST = 400_000
OPERATIONS = [
    (method, path, operation)
    for path, methods in application.api.operations.items()
    for method, operation in methods.items()
]


@pytest.fixture(scope="module")
def everybody(settings: Settings) -> Iterator[World]:
    """All callers, created once."""
    with open_world(settings) as made:
        yield made


def counted(call: Callable[[], Answer]) -> tuple[Answer, int]:
    """Count the calls of functions, Python's and C's, that a request makes: the same ones each time."""
    calls = 0

    def count(_: Any, event: str, __: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        answer = call()
    finally:
        sys.setprofile(None)
    return answer, calls


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=lambda each: getattr(each, "name", "")
)
def test_no_bomb_costs_much(everybody: World, method: str, path: str, operation: Operation) -> None:
    """However large the input is, in any part of the request."""
    costly = []
    for caller in callers(operation):
        plain = counted(partial(send, everybody, caller, method, path, Bomb("plain")))[1]
        for bomb in bombs(path, operation):
            answer, calls = counted(partial(send, everybody, caller, method, path, bomb))
            if method != "GET":
                everybody.restore()
            assert (answer.status < 500, bomb.name) == (True, bomb.name)
            costly += [(bomb.name, calls - plain)] if calls - plain > MOST else []
    assert costly == []
