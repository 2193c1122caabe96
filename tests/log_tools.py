"""The log as a deployed stage writes it, in this process."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.settings import Settings
from chalicelib.telemetry.logs import OURS, configure


@dataclass(frozen=True)
class Log:
    """What was written to standard output."""

    output: io.StringIO

    @property
    def text(self) -> str:
        """All of it."""
        return self.output.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Each line; every one of them has to be JSON."""
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, message: str) -> list[dict[str, Any]]:
        """The lines with a message."""
        return [line for line in self.lines if line["message"] == message]

    @property
    def request(self) -> dict[str, Any]:
        """The line of the one request that there was."""
        (line,) = self.of("request")
        return line


@contextmanager
def deployed_log(settings: Settings, level: str = "INFO") -> Iterator[Log]:
    """Write the log as a stage named dev does, whose Lambda runtime has a handler of its own."""
    root, ours, raises = logging.getLogger(), logging.getLogger(OURS), logging.raiseExceptions
    before = root.handlers[:], root.level, ours.level
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        root.handlers[:] = [logging.StreamHandler(output)]
        configure(replace(settings, stage="dev", build="abc", log_level=level))
    try:
        yield Log(output)
    finally:
        root.handlers[:], level_of_root, level_of_ours = before
        root.setLevel(level_of_root)
        ours.setLevel(level_of_ours)
        logging.captureWarnings(capture=False)
        logging.raiseExceptions = raises
