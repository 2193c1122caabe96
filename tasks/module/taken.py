"""Which names are free for a new resource."""

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tasks.errors import TaskError
from tasks.module.files import read
from tasks.module.names import Names

Files = Mapping[str, str]  # texts by path


def check_free(root: Path, names: Names, files: Files, examples: Files) -> None:
    """Check that nothing in a project goes by the names of a new resource.

    :param files: what would be new.
    :param examples: the same for a resource of other names.
    :raises TaskError: something does.
    """
    for what, found in _clashes(root, names, files, examples):
        if found:
            raise TaskError(f"{min(found)!r} is {what} already: choose other names.")


def _clashes(root: Path, names: Names, files: Files, examples: Files) -> Iterator[tuple[str, set[str]]]:
    things, thing = names.things, names.thing
    words = names.places()
    own = {words[place] for place in ("thing", "things", "Thing", "THING", "THINGS")}
    code = [read(path) for path in (root / "chalicelib").rglob("*.py")]
    everything = "".join(code)
    app, keys = read(root / "app.py"), read(root / "chalicelib/db/keys.py")
    yield "a name of Python's", own & set(dir(builtins))
    yield "a route", {things} & set(re.findall(r'"/api/v1/([\w-]+)', app))
    yield "a name in app.py", {things} & _bindings([app])
    yield "a scope", {things} & set(re.findall(r'"(\w+):(?:read|write)"', everything))
    yield "a kind of item", {thing} & set(re.findall(r'discriminator="(\w+)"', everything))
    yield "a key", {thing, words["THINGS"]} & _bindings([keys])
    yield "the beginning of keys", {words["THING"]} & set(re.findall(r"\b([A-Z_]+)#", keys))
    shipped = [text for path, text in files.items() if path.startswith("chalicelib/")]
    yield "a class or function", _definitions(code) & _definitions(shipped)
    modules = [text for path, text in examples.items() if path.endswith(".py")]
    yield "what the new code calls something else", own & _bindings(modules)


def _definitions(modules: Iterable[str]) -> set[str]:
    """Return the public classes and functions of modules; schemas by the models that they become."""
    return {
        node.name.removesuffix("Schema")
        for text in modules
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    }


def _bindings(modules: Iterable[str]) -> set[str]:
    """Return the names that modules bind: imports, arguments, variables, definitions, attributes of self."""
    found = set()
    for node in (node for text in modules for node in ast.walk(ast.parse(text))):
        match node:
            case (
                ast.Name(id=name)
                | ast.arg(arg=name)
                | ast.Attribute(value=ast.Name(id="self"), attr=name)
                | ast.ClassDef(name=name)
                | ast.FunctionDef(name=name)
                | ast.alias(name=_, asname=str() as name)
                | ast.alias(name=name)
            ):
                found.add(name)
    return found
