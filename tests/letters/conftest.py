"""What the tests of letters share: a stage that sends email, and a clock that can be set."""

import time
from dataclasses import replace

import pytest

import app as application

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
def _sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage sends email."""
    settings = replace(application.settings, mail="ses", mail_from=SENDER)
    monkeypatch.setattr(application, "settings", settings)
    monkeypatch.setattr(application.api, "settings", settings)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the job."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock
