"""One of every kind of caller, made once for all tests of a module."""

from collections.abc import Iterator

import pytest

from chalicelib.settings import Settings
from tests.api.world import World, open_world


@pytest.fixture(scope="module")
def everybody(settings: Settings) -> Iterator[World]:
    """Everybody; `request` takes back what it changed."""
    with open_world(settings) as made:
        yield made


@pytest.fixture(scope="module")
def world(everybody: World) -> World:
    """Everybody, under the name that most tests use."""
    return everybody
