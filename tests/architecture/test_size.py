"""Small parts: a function fits on a screen."""

import statistics
from pathlib import Path

from tasks.module.edits import edits
from tests.architecture.source import EVERYTHING, OURS, code_lines, found, functions, length_of, name_of

MOST_PER_FILE = 300
MOST_PER_FUNCTION = 40
MEDIAN_PER_FUNCTION = 8
TABLES = {path for path, _, _ in edits()}  # they get rows with each new resource


def test_files_are_short() -> None:
    """A file has at most 300 lines of code, unless each new resource adds rows to it."""
    lengths = {name_of(path): len(code_lines(path)) for path in EVERYTHING if name_of(path) not in TABLES}
    assert {name: length for name, length in lengths.items() if length > MOST_PER_FILE} == {}


def test_functions_are_short() -> None:
    """A function has at most 40 lines of code."""
    assert found(EVERYTHING, long_functions) == {}


def long_functions(path: Path) -> list[str]:
    """List the names of a file's functions that are too long."""
    return [function.name for function in functions(path) if length_of(path, function) > MOST_PER_FUNCTION]


def test_most_functions_are_very_short() -> None:
    """The median function of what ships, and of the tasks, has at most 8 lines of code."""
    lengths = [length_of(path, function) for path in OURS for function in functions(path)]
    assert statistics.median(lengths) <= MEDIAN_PER_FUNCTION
