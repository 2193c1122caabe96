"""`invoke test` and `invoke test.sdk`."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tasks.console import command, words
from tasks.processes import module, project_folder

WORKERS = ("-n", "2")
BY_FILE = (*WORKERS, "--dist", "loadfile")
# One more than the cores of CI, since many tests wait; as collected, since files of few tests take longest.
CROWDED = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
SDK = "tests/sdk"


@command(
    default=True,
    arguments="passed on to pytest, such as '-k teams'",
    http="run only the API tests, over HTTP, with their own engine and server",
    slow="run those that `make test` leaves out: packages, copies of the project, tasks one by one",
)
def test(arguments: str = "", http: bool = False, slow: bool = False) -> None:
    """Run the tests; with CI set, a skipped test is a failure."""
    if http:
        options = ["tests/api", "--stack", *BY_FILE]
    elif slow:
        options = ["--ignore", SDK, "-m", "not cloud and slow", *BY_FILE]
    else:
        options = ["--ignore", SDK, "-m", "not cloud and not slow", *CROWDED]
    pytest(arguments, *options)


@command("sdk", arguments="passed on to pytest")
def try_generated_clients(arguments: str = "") -> None:
    """Generate clients, compile them, and drive the server with them; needs Java and Node.js."""
    pytest(arguments, *WORKERS, SDK)


def pytest(arguments: str, *options: str) -> NoReturn:
    """Run pytest, and exit with its status.

    :param arguments: further ones, as a user typed them.
    """
    strict = ("-p", "tests.no_skips") if os.environ.get("CI") else ()
    sys.exit(run_in_project(module("pytest", *options, *strict, *words(arguments))))


def run_in_project(command: Sequence[str]) -> int:
    """Run a program in the project's folder, and return its status."""
    print("$", Path(command[0]).name, *command[1:], flush=True)
    return subprocess.run(command, cwd=project_folder(), check=False).returncode
