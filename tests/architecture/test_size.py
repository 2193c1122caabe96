"""Small parts: what does not fit on a screen is not read."""

import statistics
from pathlib import Path

import pytest

from tasks.module.edits import edits
from tests.architecture.source import EVERYTHING, OURS, code_lines, functions, length_of, name_of

MOST_PER_FILE = 300
MOST_PER_FUNCTION = 40
MEDIAN_PER_FUNCTION = 8
TABLES = {edit.path for edit in edits("things")}  # they get rows with each new resource


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_files_are_short(path: Path) -> None:
    """A file has at most 300 lines of code, unless each new resource adds rows to it."""
    assert len(code_lines(path)) <= MOST_PER_FILE or name_of(path) in TABLES


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    """A function has 40 lines of code at the most."""
    long = [function.name for function in functions(path) if length_of(path, function) > MOST_PER_FUNCTION]
    assert long == []


def test_most_functions_are_very_short() -> None:
    """Half of what ships, and of the tasks, has 8 lines of code at the most."""
    lengths = [length_of(path, function) for path in OURS for function in functions(path)]
    assert statistics.median(lengths) <= MEDIAN_PER_FUNCTION
