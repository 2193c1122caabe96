"""`invoke project.rename`: another name for the project, wherever its own one stands."""

import re
import subprocess
from pathlib import Path

from tasks.errors import TaskError
from tasks.processes import module

OLD = "grail"
KEPT = ("CHANGELOG.md", "LICENSE", "NOTICE")  # they tell where the project comes from
# Part of names in DNS, S3, CloudFormation, Python, Java, Go and npm, and of keys in between.
NAME = re.compile(r"[a-z][a-z0-9]{1,15}")


def rename(root: Path, new: str) -> list[str]:
    """Replace the name in files and paths, and return the paths of the files that changed.

    :param root: the project's folder, a git repository.
    :raises TaskError: the name is invalid or in use, or git has changes that are not committed.
    """
    if not NAME.fullmatch(new):
        raise TaskError("--name must have 2 to 16 characters: a-z and 0-9, beginning with a letter.")
    if _git(root, "status", "--porcelain"):
        raise TaskError("Commit your changes first, so that git can undo the renaming.")
    if _git(root, "grep", "-il", "-e", new, "--", ".", *(f":!{path}" for path in KEPT)):
        raise TaskError(f"{new!r} already occurs in the project: choose another name.")
    paths = [path for path in _git(root, "ls-files", "-z").split("\0") if path and path not in KEPT]
    changed = [path for path in paths if _rewrite(root, path, new)]
    for options in (["check", "--fix", "--quiet", "--select", "I", "."], ["format", "--quiet", "."]):
        subprocess.run(module("ruff", *options), cwd=root, check=True)
    return changed


def renamed(text: str, new: str) -> str:
    """Return a text with the new name in the place of the old one, in the same case."""
    for old, name in ((OLD, new), (OLD.capitalize(), new.capitalize()), (OLD.upper(), new.upper())):
        text = text.replace(old, name)
    return text


def _rewrite(root: Path, path: str, new: str) -> bool:
    file, target = root / path, root / renamed(path, new)
    before = file.read_bytes()
    try:
        after = renamed(before.decode("utf-8"), new).encode("utf-8")
    except UnicodeDecodeError:  # an image, or compressed
        after = before
    if target != file:
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
    if after != before:
        target.write_bytes(after)
    return target != file or after != before


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)  # noqa: S607 - from PATH
    if done.returncode > 1 or (done.returncode and done.stderr):
        raise TaskError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout
