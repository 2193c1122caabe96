"""Fixtures for the tests of operators' tasks."""

import pytest

from tests import hashing

cheap_hashes = hashing.cheap_hashes  # a fixture


@pytest.fixture
def on_moto(table: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connect tasks to the test's table; tests/e2e and tests/cloud show that they find a stage's own."""
    monkeypatch.setattr("tasks.tables.connect", lambda *_, **__: None)
