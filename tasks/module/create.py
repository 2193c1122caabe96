"""`invoke module.create`: a new resource, complete, in the working tree."""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template

from tasks.errors import TaskError
from tasks.module.edits import Edit, edits
from tasks.module.fields import parse_fields, with_filters
from tasks.module.names import Names, check_free
from tasks.module.owners import OWNERS
from tasks.module.render import new_files, places
from tasks.processes import module


def create(
    root: Path, things: str, thing: str, said: list[str], owner: str = "user", *, filters: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """Create a module; nothing is written before the texts of all files are known.

    :param things: its name in the plural, and `thing` in the singular.
    :param said: its fields, as `--field` has them.
    :param filters: names of fields by which its list is filtered.
    :returns: the paths of new files, and of changed ones.
    :raises TaskError: a name or field is invalid, or a name is taken.
    """
    names = Names(things, thing)
    names.check()
    if owner not in OWNERS:
        raise TaskError(f"--owner is {' or '.join(OWNERS)}, not {owner!r}.")
    fields = with_filters(parse_fields(said, thing, root, owner), filters)
    files = new_files(names, fields, owner)
    for path in (f"chalicelib/{things}", f"chalicelib/{things}.py", *files):
        if (root / path).exists():
            raise TaskError(f"{path} already exists: choose another name.")
    check_free(root, names, files, new_files(Names("z_things", "z_thing"), fields, owner))
    targets = [field.target.things for field in fields if field.target]
    changed = _with_edits(root, edits(targets), places(names, fields, owner))
    for path, text in [(path, _tidy(root, path, text)) for path, text in {**files, **changed}.items()]:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    return list(files), list(changed)


def _with_edits(root: Path, all_edits: Iterable[Edit], values: Mapping[str, str]) -> dict[str, str]:
    """Return the new texts of the files that are edited, by path."""
    changed: dict[str, str] = {}
    for path, find, text in all_edits:
        old = changed.get(path) or (root / path).read_text("utf-8")
        try:
            place = find(old)
        except LookupError as error:
            raise TaskError(f"{path} has no place for a module any more: {error}.") from error
        changed[path] = old[:place] + Template(text).substitute(values) + old[place:]
    return changed


def _tidy(root: Path, path: str, text: str) -> str:
    """Format Python, sort its imports and remove unused ones; other files stay as they are."""
    if not path.endswith(".py"):
        return text
    # a package that does not exist yet would be taken for a third-party one
    ours = 'lint.isort.known-first-party = ["app", "chalicelib", "tasks", "tests"]'
    options = ["--quiet", "--fix-only", "--select", "F401,I", "--config", ours]
    text = _ruff(root, text, "check", *options, "--stdin-filename", path, "-")
    return _ruff(root, text, "format", "--stdin-filename", path, "-")


def _ruff(root: Path, text: str, *arguments: str) -> str:
    command = module("ruff", *arguments)
    done = subprocess.run(command, cwd=root, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        told = (done.stdout or done.stderr).strip().splitlines()
        raise TaskError(f"ruff rejects the generated code: {told[0] if told else 'no reason given'}")
    return done.stdout
