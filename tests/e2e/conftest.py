"""`make run`, started once for all tests that only talk to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, copy_project


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack with the development data."""
    yield from _running(tmp_path_factory.mktemp("stack"))


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A running stack that the test may stop and kill."""
    yield from _running(tmp_path)


def _running(folder: Path) -> Iterator[Stack]:
    copy_project(folder)
    stack = Stack(folder)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()
