"""`invoke module.create`: a new resource, complete, in the working tree."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from tasks.module.edits import Edit, edits
from tasks.module.fields import parse_fields
from tasks.module.files import RECORDS, apply, formatted, read, without_unused
from tasks.module.names import ModuleError, Names
from tasks.module.render import new_files, places
from tasks.module.taken import check_free


@dataclass
class Plan:
    """What will be written.

    :param files: texts of new files, by path.
    :param changed: new texts of files that are there.
    :param insertions: what was put into them, as (path, text).
    """

    files: dict[str, str]
    changed: dict[str, str] = field(default_factory=dict)
    insertions: list[tuple[str, str]] = field(default_factory=list)


def create(root: Path, things: str, thing: str, said: list[str]) -> Plan:
    """Create a module; all of it or nothing.

    :param root: the project's folder.
    :param things: its name in the plural, and `thing` in the singular.
    :param said: its fields, as `--field` has them.
    :raises ModuleError: something is wrong with that, or a name is taken.
    """
    names = Names(things, thing)
    names.check()
    fields = parse_fields(said, thing)
    raw = new_files(names, fields)
    present = [
        path for path in (f"chalicelib/{things}", f"chalicelib/{things}.py", *raw) if (root / path).exists()
    ]
    if present:
        raise ModuleError(f"{present[0]} is there already: choose another name.")
    check_free(root, names, raw, new_files(Names("z_things", "z_thing"), fields))
    plan = Plan({path: formatted(root, path, without_unused(root, path, text)) for path, text in raw.items()})
    values = places(names, fields)
    for edit in edits(things):
        insert(root, plan, edit, Template(edit.text).substitute(values))
    apply(root, {**plan.files, **plan.changed, f"{RECORDS}/{things}.json": record(plan)}, lint=True)
    return plan


def insert(root: Path, plan: Plan, edit: Edit, text: str) -> None:
    """Put a text into a file's new version, formatted, and note what came of it.

    :raises ModuleError: its place is not found, or the file is not formatted as the project is.
    """
    old = plan.changed.get(edit.path) or read(root / edit.path)
    try:
        place = edit.place(old)
    except LookupError as error:
        raise ModuleError(f"{edit.path} has no place for a module any more: {error}.") from error
    new = formatted(root, edit.path, old[:place] + text + old[place:])
    if edit.path.endswith(".py"):
        place, text = difference(old, new)
    if old[:place] + text + old[place:] != new:
        raise ModuleError(f"{edit.path} is not formatted: run `ruff format` first.")
    plan.changed[edit.path] = new
    plan.insertions.append((edit.path, text))


def difference(old: str, new: str) -> tuple[int, str]:
    """Find the lines that a file got: at which offset, and which."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    pairs = zip(before, after, strict=False)
    same = next((number for number, (one, other) in enumerate(pairs) if one != other), len(before))
    return len("".join(before[:same])), "".join(after[same : same + len(after) - len(before)])


def record(plan: Plan) -> str:
    """Note what `module.remove` has to know: digests of the files, and what was put into others."""
    files = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in plan.files.items()}
    return json.dumps({"files": files, "insertions": plan.insertions}, ensure_ascii=False, indent=2) + "\n"
