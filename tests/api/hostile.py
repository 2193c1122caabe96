"""What tests of hostile bodies and values have in common."""

from collections.abc import Iterator

import pytest

from tests.api.world import World
from tests.http import JSON, Answer

TEAMS = "/api/v1/teams"


@pytest.fixture
def world(everybody: World) -> Iterator[World]:
    """All callers, restored after each test."""
    yield everybody
    everybody.restore()


def post(world: World, raw: bytes, content_type: str | None = JSON, path: str = TEAMS) -> Answer:
    """Send a body as it is."""
    headers = {"Content-Type": content_type} if content_type is not None else {}
    return world.api("POST", path, token=world.token("admin"), raw=raw, headers=headers)
