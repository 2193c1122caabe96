"""Runs the API tests over HTTP against a stack of its own, as `make run` starts it: `invoke test --http`.

`python -m tests.e2e.over_http [ARGUMENTS]` passes other arguments on to pytest, such as `-k refresh`.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tasks.processes import module, project_folder
from tests.e2e.stack import Stack, copy_project


def main(arguments: Sequence[str]) -> int:
    """Start the stack, run the tests, and return pytest's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        copy_project(Path(folder))
        stack = Stack(Path(folder))
        stack.start()
        try:
            command = module("pytest", "tests/api", *stack.target, *arguments)
            return subprocess.run(command, cwd=project_folder(), check=False).returncode  # noqa: S603 - ours
        finally:
            stack.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
