"""Sources as files, formatted as the project is."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from string import Template

from tasks.errors import TaskError
from tasks.processes import module

TEMPLATES = Path(__file__).with_name("templates")


def template(name: str, values: Mapping[str, str]) -> str:
    """Fill in a template.

    :param name: without its suffix.
    """
    return Template((TEMPLATES / f"{name}.tmpl").read_text("utf-8")).substitute(values)


def finished(root: Path, path: str, text: str) -> str:
    """Format Python as the project is, sort its imports and remove unused ones; other files stay as they are.

    :raises TaskError: it is no Python.
    """
    if not path.endswith(".py"):
        return text
    # a package that does not exist yet would be taken for a third-party one
    ours = 'lint.isort.known-first-party = ["app", "chalicelib", "tasks", "tests"]'
    options = ["--quiet", "--fix-only", "--select", "F401,I", "--config", ours]
    tidy = _ruff(root, "check", *options, "--stdin-filename", path, "-", text=text)
    return _ruff(root, "format", "--stdin-filename", path, "-", text=tidy)


def read(file: Path) -> str:
    """Read a file with its line ends as they are."""
    return file.read_bytes().decode("utf-8")


def _ruff(root: Path, *arguments: str, text: str = "") -> str:
    command = module("ruff", *arguments)
    done = subprocess.run(command, cwd=root, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        told = (done.stdout or done.stderr).strip().splitlines()
        raise TaskError(f"ruff rejects the generated code: {told[0] if told else 'no reason given'}")
    return done.stdout


def write(file: Path, text: str) -> None:
    """Write a file with its line ends as they are, and create its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode("utf-8"))
