"""Small parts: what does not fit on a screen is not read."""

import json
import statistics
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tasks.module.files import RECORDS
from tests.architecture.source import EVERYTHING, OURS, ROOT, code_lines, functions, length_of, name_of

MOST_PER_FILE = 300
MOST_PER_FUNCTION = 40
MEDIAN_PER_FUNCTION = 8


@cache
def generated() -> Counter[str]:
    """Count the lines of each file that `module.create` put there: rows of tables, some for each resource."""
    lines: Counter[str] = Counter()
    for record in (ROOT / RECORDS).glob("*.json"):
        for path, text in json.loads(record.read_text("utf-8"))["insertions"]:
            lines[path] += sum(bool(line.strip()) for line in text.splitlines())
    return lines


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_files_are_short(path: Path) -> None:
    """A file has 300 lines of code at most, beside the rows that were generated."""
    assert len(code_lines(path)) - generated()[name_of(path)] <= MOST_PER_FILE


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    """A function has 40 lines of code at the most."""
    long = [function.name for function in functions(path) if length_of(path, function) > MOST_PER_FUNCTION]
    assert long == []


def test_most_functions_are_very_short() -> None:
    """Half of what ships, and of the tasks, has 8 lines of code at the most."""
    lengths = [length_of(path, function) for path in OURS for function in functions(path)]
    assert statistics.median(lengths) <= MEDIAN_PER_FUNCTION
