"""Password hashes that cost next to nothing, for tests that are about something else."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from chalicelib.security import passwords
from tests.target import present

LEAST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # as cheap as argon2 can be


@pytest.fixture(scope="module", autouse=True)
def cheap_hashes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hash passwords at minimal cost, except in modules marked `full_hashes`, and on servers."""
    if present().over_http or request.node.get_closest_marker("full_hashes"):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "TIME_COST", LEAST.time_cost)
        patch.setattr(passwords, "MEMORY_COST", LEAST.memory_cost)
        patch.setattr(passwords, "DUMMY_HASH", LEAST.hash("unknown"))
        passwords._hasher.cache_clear()
        yield
    passwords._hasher.cache_clear()
