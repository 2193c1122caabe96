"""What the tests of letters share: a stage that sends email, and a clock that can be set."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

import app as application
from chalicelib import settings as settings_module

SENDER = "Grail <hello@mail.test.example>"


class Clock:
    """A clock that is ahead of the real one."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._real = time.time

    def __call__(self) -> float:
        """Return the time."""
        return self._real() + self.ahead


@pytest.fixture(autouse=True)
def _sends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The stage sends email, and no `make run` says what its links begin with."""
    monkeypatch.setattr(settings_module, "RUNNING", tmp_path / "running.json")
    settings = replace(application.settings, mail="ses", mail_from=SENDER)
    monkeypatch.setattr(application, "settings", settings)
    monkeypatch.setattr(application.api, "settings", settings)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the job."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock
