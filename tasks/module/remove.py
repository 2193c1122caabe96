"""`invoke module.remove`: what `module.create` put in, and nothing else, goes."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from tasks.module.files import RECORDS, apply, read
from tasks.module.names import ModuleError


@dataclass
class Removal:
    """What will go.

    :param changes: new texts of files, by path; None where a file goes.
    :param edited: files of the module that are not as they were created.
    :param left: other files, in which an insertion is not found as it was put in.
    """

    changes: dict[str, str | None] = field(default_factory=dict)
    edited: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def remove(root: Path, things: str, *, force: bool = False) -> Removal:
    """Remove a module; all of it or nothing.

    :param root: the project's folder.
    :param things: its name in the plural.
    :param force: also remove what was edited; insertions that are not found stay.
    :raises ModuleError: no such module was created, or something was edited since.
    """
    noted = f"{RECORDS}/{things}.json"
    if not re.fullmatch(r"\w+", things) or not (root / noted).exists():
        raise ModuleError(
            f"{things!r} was not made by module.create, so it can't be removed by module.remove."
        )
    record = json.loads(read(root / noted))
    removal = Removal({noted: None})
    for path, digest in record["files"].items():
        check(root, removal, path, digest)
    for path, text in record["insertions"]:
        take_out(root, removal, path, text)
    if (removal.edited or removal.left) and not force:
        which = ", ".join(dict.fromkeys(removal.edited + removal.left))
        raise ModuleError(f"Edited since it was created: {which}. --force removes {things} all the same.")
    apply(root, removal.changes)
    return removal


def check(root: Path, removal: Removal, path: str, digest: str) -> None:
    """Remove a file, noting whether somebody edited it."""
    removal.changes[path] = None
    if not (root / path).exists() or hashlib.sha256((root / path).read_bytes()).hexdigest() != digest:
        removal.edited.append(path)


def take_out(root: Path, removal: Removal, path: str, text: str) -> None:
    """Take an insertion out of a file, if it stands there once, as it was put in."""
    old = removal.changes.get(path) or read(root / path)
    found = list(re.finditer(rf"(?<!\w){re.escape(text)}", old))
    if len(found) == 1:
        removal.changes[path] = old[: found[0].start()] + old[found[0].end() :]
    else:
        removal.left.append(path)
