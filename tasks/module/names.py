"""The names that a resource goes by, and whether they are free."""

import ast
import builtins
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import TaskError

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_NAME = 24  # characters; longer ones leave no room on a line
VOWEL = re.compile(r"(?!uni|use|usa|eu|one)[aeiou]|hour|honou?r|honest|heir")  # in pronunciation


def check_name(name: str, what: str) -> None:
    """Check that a name is a short identifier in lower case.

    :raises TaskError: it is not.
    """
    if not NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > MAX_NAME:
        raise TaskError(
            f"{name!r} can't name {what}: take a-z, 0-9 and single _ in between, at most {MAX_NAME} "
            "characters, and no word of Python's own."
        )


@dataclass(frozen=True)
class Names:
    """A resource in the plural and in the singular, such as blog_posts and blog_post."""

    things: str
    thing: str

    def places(self) -> dict[str, str]:
        """Return the values of $things, $Thing, $THING, $a_word and so on in templates."""
        word, words = self.thing.replace("_", " "), self.things.replace("_", " ")
        a_word = f"{'an' if VOWEL.match(word) else 'a'} {word}"
        return {
            "thing": self.thing,
            "things": self.things,
            "Thing": _camel(self.thing),
            "Things": _camel(self.things),
            "THING": self.thing.upper(),
            "THINGS": self.things.upper(),
            "word": word,
            "words": words,
            "Words": words.capitalize(),
            "a_word": a_word,
            "A_word": a_word.capitalize(),
        }

    def check(self) -> None:
        """Check both names by themselves.

        :raises TaskError: one is no name, or they are the same.
        """
        check_name(self.things, "a module (--name)")
        check_name(self.thing, "one of its items (--singular)")
        if self.things == self.thing:
            raise TaskError(f"--name is the plural and --singular the singular: both are {self.thing!r}.")


def _camel(name: str) -> str:
    return "".join(part[0].upper() + part[1:] for part in name.split("_"))  # as in operationIds


def check_free(root: Path, names: Names, files: Mapping[str, str], examples: Mapping[str, str]) -> None:
    """Check that nothing in a project goes by the names of a new resource.

    :param files: the texts of what would be new, by path.
    :param examples: the same for a resource of other names.
    :raises TaskError: something does.
    """
    for what, found in _clashes(root, names, files, examples):
        if found:
            raise TaskError(f"{min(found)!r} is {what} already: choose other names.")


def _clashes(
    root: Path, names: Names, files: Mapping[str, str], examples: Mapping[str, str]
) -> Iterator[tuple[str, set[str]]]:
    things, thing = names.things, names.thing
    words = names.places()
    own = {words[place] for place in ("thing", "things", "Thing", "THING", "THINGS")}
    code = [path.read_text("utf-8") for path in (root / "chalicelib").rglob("*.py")]
    everything = "".join(code)
    app, keys = ((root / path).read_text("utf-8") for path in ("app.py", "chalicelib/db/keys.py"))
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
