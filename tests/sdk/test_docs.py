"""docs/sdk.md: its code is that of the examples which are tried."""

import re

import pytest

from tasks.processes import project_folder
from tests.sdk.conftest import SDK

TEXT = (project_folder() / "docs" / "sdk.md").read_text("utf-8")
EXAMPLES = {"python": SDK / "python" / "example.py", "ts": SDK / "typescript" / "example.ts"}
BLOCKS = re.findall(r"```(python|ts)\n(.*?)\n```", TEXT, re.DOTALL)


def lines(text: str) -> str:
    """Make a text comparable, however far it is indented."""
    return "\n".join(line.strip() for line in text.splitlines())


@pytest.mark.parametrize(("language", "block"), BLOCKS)
def test_each_block_stands_in_the_example(language: str, block: str) -> None:
    """What a reader copies is what the tests run."""
    assert f"\n{lines(block)}\n" in lines(EXAMPLES[language].read_text("utf-8"))


@pytest.mark.parametrize("language", EXAMPLES)
def test_both_languages_are_shown(language: str) -> None:
    """The test above has something to compare."""
    assert [found for found, _ in BLOCKS].count(language) >= 2
