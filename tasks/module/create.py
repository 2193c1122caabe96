"""`invoke module.create`: a new resource, complete, in the working tree."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from tasks.errors import TaskError
from tasks.module.edits import Edit, edits
from tasks.module.fields import parse_fields, with_filters
from tasks.module.files import finished, read, write
from tasks.module.names import Names
from tasks.module.owners import check_owner
from tasks.module.render import new_files, places
from tasks.module.taken import check_free


@dataclass
class Plan:
    """The files that will be written.

    :param files: texts of new files, by path.
    :param changed: new texts of files that are there.
    """

    files: dict[str, str]
    changed: dict[str, str] = field(default_factory=dict)


def create(
    root: Path, things: str, thing: str, said: list[str], owner: str = "user", *, filters: Sequence[str] = ()
) -> Plan:
    """Create a module; nothing is written before the texts of all files are known.

    :param root: the project's folder.
    :param things: its name in the plural, and `thing` in the singular.
    :param said: its fields, as `--field` has them.
    :param owner: whose its items are: user or team.
    :param filters: names of fields by which its list is filtered.
    :raises TaskError: a name or field is invalid, or a name is taken.
    """
    names = Names(things, thing)
    names.check()
    check_owner(owner)
    fields = with_filters(parse_fields(said, thing, root, owner), filters)
    raw = new_files(names, fields, owner)
    present = [
        path for path in (f"chalicelib/{things}", f"chalicelib/{things}.py", *raw) if (root / path).exists()
    ]
    if present:
        raise TaskError(f"{present[0]} already exists: choose another name.")
    check_free(root, names, raw, new_files(Names("z_things", "z_thing"), fields, owner))
    plan = Plan(raw)
    values = places(names, fields, owner)
    for edit in edits(things, [each.target.things for each in fields if each.target]):
        insert(root, plan, edit, Template(edit.text).substitute(values))
    texts = {**plan.files, **plan.changed}
    for path, text in {path: finished(root, path, text) for path, text in texts.items()}.items():
        write(root / path, text)
    return plan


def insert(root: Path, plan: Plan, edit: Edit, text: str) -> None:
    """Insert a text into a file's new version.

    :raises TaskError: the place is not found.
    """
    old = plan.changed.get(edit.path) or read(root / edit.path)
    try:
        place = edit.place(old)
    except LookupError as error:
        raise TaskError(f"{edit.path} has no place for a module any more: {error}.") from error
    plan.changed[edit.path] = old[:place] + text + old[place:]
