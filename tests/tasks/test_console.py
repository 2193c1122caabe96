"""What a user sees of a task that can't be done."""

import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

WRONG = {
    "nothing": "No idea what 'nothing' is!",
    "openapi.fuzz --examples abc": "invalid literal",
    "openapi.export --format xml": "--format is one of json",
    "openapi.export --output /nonexistent/x": "/nonexistent/x",
    "keys.list --stage nowhere": "--stage is one of",
    "keys.list --colour": "No idea what '--colour' is!",
    "test --arguments 'open": "No closing quotation",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_arguments_are_one_line_and_status_2(line: str) -> None:
    """Issue 6: a wrong argument gives one clear line and exit code 2, never a traceback."""
    split = line.split(" ", 2)
    command = [sys.executable, "-m", "invoke", *split]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - words that stand above
    assert (done.returncode, done.stdout) == (2, "")
    assert WRONG[line] in done.stderr
    assert len(done.stderr.splitlines()) == 1
