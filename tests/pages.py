"""Code of the documentation and the examples, applied to a copy of the project as a reader would."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests import engine
from tests.architecture.source import ROOT

FOLDERS = (".chalice", "benchmarks", "chalicelib", "docs", "examples", "infra", "sdk", "tasks", "tests")
FILES = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "NOTICE",
    "README.md",
    "SECURITY.md",
    "app.py",
    "pyproject.toml",
    "requirements.txt",
    "schemathesis.toml",
)
# "`path`:" or "`path`, new:" or "... Run:" before a block.
BLOCK = re.compile(
    r"^(?:`(?P<path>[^`]+)`(?P<new>, new)?:|[^\n]*\bRun:)\n\n```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
KEPT, REMOVED, ADDED = " ", "-", "+"


@dataclass(frozen=True)
class Step:
    """One block: a new file, a change of one, or commands to run.

    :param path: of the file; None for commands.
    """

    path: str | None
    is_new: bool
    language: str
    code: str

    def apply(self, root: Path) -> None:
        """Do what the block says, unless it is done already.

        :raises LookupError: the lines that a change names are not there, or there more than once.
        """
        if self.path is None:
            subprocess.run(["bash", "-euc", self.code], cwd=root, check=True)  # noqa: S603, S607 - our own page
            return
        file = root / self.path
        if self.is_new and not file.exists():
            file.write_text(self.code, "utf-8")
        elif not self.is_new:
            file.write_text(changed(file.read_text("utf-8"), self), "utf-8")


@dataclass(frozen=True)
class Example:
    """A folder with new files, and a patch of those that are there."""

    folder: Path

    @property
    def files(self) -> list[str]:
        """The new files, by their places in the project."""
        own = self.folder / "files"
        found = [file for file in own.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
        return sorted(file.relative_to(own).as_posix() for file in found)

    def apply(self, root: Path) -> None:
        """Do what the README of the example says, unless it is done already."""
        if not self.fits(root, "--reverse"):
            shutil.copytree(self.folder / "files", root, dirs_exist_ok=True)
            self._git(root, check=True)

    def fits(self, root: Path, *options: str) -> bool:
        """Whether the patch can be applied, or with "--reverse", was."""
        return self._git(root, "--check", *options).returncode == 0

    def _git(self, root: Path, *options: str, check: bool = False) -> subprocess.CompletedProcess[bytes]:
        command = ["git", "apply", *options, str(self.folder / "changes.patch")]
        return subprocess.run(command, cwd=root, capture_output=True, check=check)  # noqa: S603 - our own patch


def changed(text: str, step: Step) -> str:
    """Apply the hunks of a change: lines that stay, go or come, between lines of "@@"."""
    for hunk in re.split(r"^@@\n", step.code, flags=re.MULTILINE):
        lines = [line or KEPT for line in hunk.splitlines()]
        before, after = (
            "".join(f"{line[1:]}\n" for line in lines if line[0] in kinds)
            for kinds in (KEPT + REMOVED, KEPT + ADDED)
        )
        if is_done(text, lines):
            continue
        places = [match.start() for match in re.finditer(f"^{re.escape(before)}", text, re.MULTILINE)]
        if len(places) != 1:
            raise LookupError(f"{step.path} has these lines not once:\n{before}")
        text = text[: places[0]] + after + text[places[0] + len(before) :]
    return text


def is_done(text: str, lines: list[str]) -> bool:
    """Whether a text has what the lines of a hunk add, each run of them in one piece."""
    runs = "".join(line if line[0] == ADDED else "\0" for line in (f"{line}\n" for line in lines)).split("\0")
    added = [run.replace(f"\n{ADDED}", "\n").removeprefix(ADDED) for run in runs if run]
    return bool(added) and all(f"\n{run}" in f"\n{text}" for run in added)


def steps(page: Path) -> list[Step]:
    """Read the blocks of a page in their order."""
    return [
        Step(match["path"], bool(match["new"]), match["language"], match["code"])
        for match in BLOCK.finditer(page.read_text("utf-8"))
    ]


def examples() -> list[Example]:
    """List the examples."""
    return [Example(patch.parent) for patch in sorted((ROOT / "examples").glob("*/changes.patch"))]


def copy_to(folder: Path) -> Path:
    """Copy what belongs to the project."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    engine.share(folder)
    return folder
