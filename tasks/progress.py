"""A progress bar on a terminal; nothing elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

WIDTH = 24


class Bar:
    """Draws itself again on the same line.

    :param total: of what is to be done, perhaps only about.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0

    def add(self, amount: int) -> None:
        """Count what was done."""
        self.done += amount
        if sys.stderr.isatty():
            total = max(self.total, self.done, 1)
            filled = WIDTH * self.done // total
            line = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {self.done}/{total}"
            print(f"\r{line}", end="", file=sys.stderr, flush=True)


@contextmanager
def bar(total: int) -> Iterator[Bar]:
    """Draw a bar on the terminal's line, and leave the line when all is done."""
    drawn = Bar(total)
    try:
        yield drawn
    finally:
        if drawn.done and sys.stderr.isatty():
            print(file=sys.stderr)
