"""Each numbered behaviour of the OAuth2 server has its tests: in process, and over HTTP against a stack."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests import behaviours
from tests.architecture.source import ROOT
from tests.behaviours import NUMBERS, numbers_in


@cache
def collected() -> dict[int, behaviours.Tests]:
    """Collect the tests that show behaviours in both ways, and those of running stacks, once."""
    return behaviours.collected(("tests/api", "tests/e2e"))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_behaviour_is_tested_in_process_and_over_http(number: int) -> None:
    """They are what users and attackers see, so HTTP shows each of them."""
    tests = collected()[number]
    assert tests.in_process
    assert tests.over_http


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Behaviour 7: the same bytes.", [7]),
        ("Behaviour 12, 13-15 and 18 (API1): all.", [12, 13, 14, 15, 18]),
        ("The limits; behaviour 36 for 64 passwords.", [36]),
        ("RFC 9700 §4: 3 requests.", []),
    ],
)
def test_numbers_are_read_as_they_are_written(text: str, numbers: list[int]) -> None:
    """What the checks above rest on."""
    assert list(numbers_in(text)) == numbers


def test_the_numbers_that_tests_name_are_those_of_the_page() -> None:
    """Every number is in docs/behaviours.md, and they are consecutive."""
    page = (ROOT / "docs" / "behaviours.md").read_text("utf-8")
    listed = [int(number) for number in re.findall(r"^(\d+)\. ", page, re.MULTILINE)]
    assert listed == list(range(1, len(listed) + 1))
    named = {
        number for file in (ROOT / "tests").rglob("*.py") for number in numbers_in(file.read_text("utf-8"))
    }
    assert named <= set(listed)


def test_nothing_refers_to_a_document_that_a_clone_lacks() -> None:
    """Code and pages refer only to documents in the repository."""
    elsewhere = re.compile(r"ACCEPT" r"ANCE \d|DES" r"IGN §|\b[Ii]ssue" r" \d")
    files = [file for kind in ("py", "md", "tmpl") for file in _sources(kind)]
    assert [file for file in files if elsewhere.search(file.read_text("utf-8"))] == []


def _sources(kind: str) -> list[Path]:
    folders = ("chalicelib", "tasks", "tests", "docs", "benchmarks", "examples", "infra", "sdk")
    return [
        *ROOT.glob(f"*.{kind}"),
        *(file for folder in folders for file in (ROOT / folder).rglob(f"*.{kind}")),
    ]
