"""Environments of their own, for tools that pin other versions of libraries than the project."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from tasks.errors import TaskError
from tasks.processes import locked


def own_python(home: Path, requirements: Path, tool: str) -> Path:
    """Return the Python of a tool; its environment is created first, or renewed if its pins have changed.

    :param home: the folder for the environment.
    :param requirements: what is installed there.
    :param tool: what messages call it.
    :raises TaskError: pip fails.
    """
    python, stamp = home / "venv" / "bin" / "python", home / "installed"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    home.mkdir(parents=True, exist_ok=True)
    with locked(home / "lock"):  # the second of two processes finds what the first has installed
        if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
            print(f"Installing {tool} (once) …", flush=True)
            venv.create(home / "venv", clear=True, with_pip=True)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            if subprocess.run([*pip, "-r", str(requirements)], check=False).returncode:
                raise TaskError(f"Cannot install {tool}: see pip's message above.")
            stamp.write_text(wanted)
    return python
