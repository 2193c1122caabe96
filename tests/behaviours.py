"""Which tests show which of the behaviours of docs/behaviours.md, in process and over HTTP.

`python -m tests.behaviours` prints them. Tests name numbers in their docstrings: `Behaviour 12, 13-16: …`.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest

from tasks.processes import module, project_folder
from tests.over_http import why_in_process

NUMBERS = range(1, 38)  # those of the OAuth2 server, which tests show in both ways
OVER_HTTP = ("tests/e2e/",)  # talk to a running stack whatever pytest's options are
NAMED = re.compile(r"[Bb]ehaviour (\d+(?:-\d+)?(?:(?:, | and )\d+(?:-\d+)?)*)")
SPAN = re.compile(r"(\d+)(?:-(\d+))?")
PREFIX = "behaviours: "


@dataclass
class Tests:
    """Names of the tests of one number."""

    in_process: set[str] = field(default_factory=set)
    over_http: set[str] = field(default_factory=set)


def numbers_in(text: str) -> Iterator[int]:
    """Read the numbers that a docstring names."""
    for named in NAMED.findall(text):
        for first, last in SPAN.findall(named):
            yield from range(int(first), int(last or first) + 1)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module, name: str, obj: object) -> pytest.Function | None:
    """Collect a test once, whatever its parameters: they are thousands, and name the same behaviours."""
    if not collector.istestfunction(obj, name):
        return None
    item: pytest.Function = pytest.Function.from_parent(collector, name=name)
    return item


def pytest_collection_finish(session: pytest.Session) -> None:
    """Print what was collected; this module is the plugin of a collection that runs nothing."""
    for item in session.items:
        assert isinstance(item, pytest.Function)
        entry = {
            "name": item.nodeid,
            "text": item.function.__doc__ or "",
            "in_process": not item.nodeid.startswith(OVER_HTTP),
            "over_http": item.nodeid.startswith(OVER_HTTP) or not why_in_process(item),
        }
        print(PREFIX + json.dumps(entry))  # noqa: T201 - read by `collected`


def collected(paths: Iterable[str] = ("tests",)) -> dict[int, Tests]:
    """Collect all tests in a process of their own, and sort them by the numbers that they name."""
    command = module("pytest", "--collect-only", "-q", "--assert=plain", "-p", "tests.behaviours", *paths)
    done = subprocess.run(  # noqa: S603 - collects our own tests
        command, cwd=project_folder(), capture_output=True, text=True, check=True
    )
    found: dict[int, Tests] = {number: Tests() for number in NUMBERS}
    for line in done.stdout.splitlines():
        if not line.startswith(PREFIX):
            continue
        entry = json.loads(line.removeprefix(PREFIX))
        for number in set(numbers_in(entry["text"])) & found.keys():
            for way in ("in_process", "over_http"):
                if entry[way]:
                    getattr(found[number], way).add(entry["name"])
    return found


def main() -> None:
    """Print each number with its tests; those over HTTP have a star."""
    for number, tests in collected().items():
        sys.stdout.write(f"{number}: {len(tests.in_process)} in process, {len(tests.over_http)} over HTTP\n")
        for name in sorted(tests.in_process | tests.over_http):
            sys.stdout.write(f"  {'*' if name in tests.over_http else ' '} {name}\n")


if __name__ == "__main__":
    main()
