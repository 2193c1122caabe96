"""What `make check` and `make test` run."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tasks.processes import module, project_folder

WORKERS = ("-n", "2")
BY_FILE = (*WORKERS, "--dist", "loadfile")
# One more than the cores of CI, since many tests wait; as collected, since files of few tests take longest.
CROWDED = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
SDK = "tests/sdk"


def check() -> int:
    """Run every static check, also after one has failed."""
    commands = [
        module("ruff", "check", "."),
        module("ruff", "format", "--check", "."),
        module("mypy"),
        [str(Path(sys.executable).with_name("lint-imports"))],
    ]
    return max([_run(command) for command in commands])


def test(arguments: Sequence[str] = ()) -> int:
    """Run the tests; with CI set, a skipped test is a failure."""
    return _run(_pytest("not slow", *CROWDED, *arguments))


def test_slowly(arguments: Sequence[str] = ()) -> int:
    """Run the tests that build packages, change copies of the project, or run many tasks one by one."""
    return _run(_pytest("slow", *BY_FILE, *arguments))


def _pytest(marked: str, *arguments: str) -> list[str]:
    chosen = ("-m", f"not cloud and {marked}", "--ignore", SDK)
    return module("pytest", *chosen, *_strict(), *arguments)


def test_sdk(arguments: Sequence[str] = ()) -> int:
    """Run the tests that generate clients and drive the server with them."""
    return _run(module("pytest", *WORKERS, SDK, *_strict(), *arguments))


def test_over_http(arguments: Sequence[str] = ()) -> int:
    """Run the API tests over HTTP, each worker against an engine and a server as `make run` starts them."""
    return _run(module("pytest", "tests/api", "--stack", *BY_FILE, *_strict(), *arguments))


def _strict() -> list[str]:
    return ["-p", "tests.no_skips"] if os.environ.get("CI") else []


def e2e(arguments: Sequence[str] = (), *, api: bool = False) -> int:
    """Run the tests that deploy to a local cloud.

    :param api: the API tests there, too.
    """
    files = ["tests/cloud", *([] if api else ["--ignore", "tests/cloud/test_acceptance.py"])]
    return _run(module("pytest", "-n0", "-s", "-m", "cloud", *files, *_strict(), *arguments))


def _run(command: Sequence[str]) -> int:
    print("$", Path(command[0]).name, *command[1:], flush=True)
    return subprocess.run(command, cwd=project_folder(), check=False).returncode
