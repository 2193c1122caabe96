"""The package of a stage, built once for all tests, and again only after a change of what goes into it."""

import hashlib
import shutil
import sys
from pathlib import Path

from tasks.cloud.package import Package, Runtime
from tasks.cloud.packaging import SHIPPED, build
from tasks.processes import locked, project_folder

FOLDER = project_folder() / ".local" / "packages"
SOURCES = (*SHIPPED, "infra", "tasks")


def packaged(stage: str) -> Package:
    """Return the package of a stage, for this machine where it is like Lambda's: tests run it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with locked(FOLDER / "lock"):  # one worker builds, the others wait for it
        folder = FOLDER / stage
        stamp, wanted = folder / "built", _digest()
        if not (stamp.exists() and stamp.read_text() == wanted):
            shutil.rmtree(folder, ignore_errors=True)
            build(stage, folder, Runtime.here())
            stamp.write_text(wanted)
    return Package(folder)


def _digest() -> str:
    found = hashlib.sha256(sys.version.encode())
    for path in sorted(each for name in SOURCES for each in _files(project_folder() / name)):
        found.update(str(path).encode() + path.read_bytes())
    return found.hexdigest()


def _files(path: Path) -> list[Path]:
    found = path.rglob("*") if path.is_dir() else [path]
    return [each for each in found if each.is_file() and not {"__pycache__", "deployments"} & set(each.parts)]
