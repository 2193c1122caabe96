"""Environments of their own, for tools that pin other versions of libraries than the project."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

INSTALL = """
import sys
from pathlib import Path
from tasks.environments import own_python
print(own_python(Path(sys.argv[1]), Path(sys.argv[2]), "a tool"))
"""


@pytest.mark.slow
def test_two_processes_install_a_tool_once(tmp_path: Path) -> None:
    """The second one waits, and takes what the first has installed."""
    home, requirements = tmp_path / "home", tmp_path / "requirements.txt"
    requirements.write_text("")
    command = [sys.executable, "-c", INSTALL, str(home), str(requirements)]
    both = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
        for _ in range(2)
    ]
    said = sorted(process.communicate()[0] for process in both)
    python = f"{home / 'venv' / 'bin' / 'python'}\n"
    assert said == [python, f"Installing a tool (once) …\n{python}"]
    assert [process.returncode for process in both] == [0, 0]
