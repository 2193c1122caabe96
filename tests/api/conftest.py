"""What the API tests share: cheap password hashes, and one of every kind of caller, both for a module."""

from collections.abc import Iterator

import pytest

from chalicelib.settings import Settings
from tests import hashing
from tests.api.world import World, open_world

cheap_hashes = hashing.cheap_hashes  # a fixture


@pytest.fixture(scope="module")
def everybody(settings: Settings) -> Iterator[World]:
    """All callers; `request` reverts what it changed."""
    with open_world(settings) as made:
        yield made


@pytest.fixture(scope="module")
def world(everybody: World) -> World:
    """All callers, under the name that most tests use."""
    return everybody
