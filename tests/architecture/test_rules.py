"""Rules that hold for every file."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.source import (
    EVERYTHING,
    OURS,
    REPOSITORY,
    ROOT,
    SHIPPED,
    Function,
    docstrings,
    found,
    name_of,
    texts,
    tree_of,
)

KEY = re.compile(r"[A-Z]{4,}[A-Z_]*#")
IN_SHIPPED = [path for path in SHIPPED if path.name != "settings.py"]
NOT_KEYS = [path for path in SHIPPED if name_of(path) != "chalicelib/db/keys.py"]
PATHS = re.compile(r"/(home|Users|root|work|tmp)/\w")


def touches_environment(node: ast.AST) -> bool:
    """Whether a node reads the process environment."""
    if isinstance(node, ast.Attribute):
        return node.attr in ("environ", "environb", "getenv", "getenvb")
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "os"
        and any(alias.name in ("environ", "environb", "getenv", "getenvb", "*") for alias in node.names)
    )


def lines_where(applies: Callable[[ast.AST], bool]) -> Callable[[Path], list[int]]:
    """Return a function that lists the lines of a file whose nodes are of some kind."""
    return lambda path: [getattr(node, "lineno", 0) for node in ast.walk(tree_of(path)) if applies(node)]


def texts_with(pattern: re.Pattern[str]) -> Callable[[Path], list[str]]:
    """Return a function that lists the texts of a file in which a pattern occurs."""
    return lambda path: [text for text in texts(path) if pattern.search(text)]


def test_only_settings_reads_the_environment() -> None:
    """Only one module reads configuration."""
    assert found(IN_SHIPPED, lines_where(touches_environment)) == {}


def test_settings_does_read_it() -> None:
    """The rule above finds what it looks for."""
    assert found([ROOT / "chalicelib" / "settings.py"], lines_where(touches_environment)) != {}


def test_key_templates_stand_in_one_file() -> None:
    """EVERY pk, sk and gsi template is in db/keys.py."""
    assert found(NOT_KEYS, texts_with(KEY)) == {}


def test_the_key_rule_finds_keys() -> None:
    """The rule above finds what it looks for."""
    assert found([ROOT / "chalicelib" / "db" / "keys.py"], texts_with(KEY)) != {}


def definitions(tree: ast.Module) -> list[ast.ClassDef | Function]:
    """List what a module defines for others: its classes and functions, and the methods of its classes."""
    own = [node for node in tree.body if isinstance(node, ast.ClassDef | Function)]
    classes = [node for node in own if isinstance(node, ast.ClassDef)]
    methods = [node for kind in classes for node in kind.body if isinstance(node, Function)]
    return [node for node in own + methods if not node.name.startswith("_")]


def silent(path: Path) -> list[str]:
    """List what has no docstring: the definitions of a file, and the file itself."""
    tree = tree_of(path)
    names = [node.name for node in definitions(tree) if ast.get_docstring(node) is None]
    return names if ast.get_docstring(tree) or not tree.body else ["the module", *names]


def test_whatever_is_public_says_what_it_is() -> None:
    """Every module, class and function that others may use has a docstring."""
    assert found(OURS, silent) == {}


def test_each_test_states_a_behaviour() -> None:
    """Without a sentence it is unclear what a failing test means."""
    assert found(EVERYTHING, lambda path: [name for name in silent(path) if name.startswith("test_")]) == {}


VAGUE = {"Give", "Tell", "Say", "Name", "Let"}


def vague(text: str) -> bool:
    """Whether a docstring opens with a verb that says too little."""
    return text.split(maxsplit=1)[0] in VAGUE


def test_docstrings_open_as_those_of_python_do() -> None:
    """They say "Return", "Raise", "Check" or "Create", and what a class or property is."""
    assert found(REPOSITORY, lambda path: [text for text in docstrings(path) if vague(text)]) == {}


@pytest.mark.parametrize(
    ("text", "expected"), [("Tell the time.", True), ("Return the time.", False), ("Names of stages.", False)]
)
def test_the_opener_rule_finds_vague_verbs(text: str, *, expected: bool) -> None:
    """The rule above finds what it looks for."""
    assert vague(text) == expected


NORMALIZING = {"normalize", "is_normalized"}


def normalizes(node: ast.AST) -> bool:
    """Whether a node uses unicodedata's quadratic functions, under any name."""
    if isinstance(node, ast.Attribute):
        return node.attr in NORMALIZING
    return isinstance(node, ast.ImportFrom) and node.module == "unicodedata"


def test_text_is_normalized_in_one_module() -> None:
    """unicodedata.normalize is quadratic in a run of marks: chalicelib/text.py bounds what it gets."""
    others = [path for path in OURS if path.name != "text.py"]
    assert found(others, lines_where(normalizes)) == {}


def test_the_rule_finds_what_normalizes() -> None:
    """The rule above finds what it looks for."""
    assert found([ROOT / "chalicelib" / "text.py"], lines_where(normalizes)) != {}


def scans(node: ast.AST) -> bool:
    """Whether a node calls a method that scans."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and "scan" in node.func.attr


def test_nothing_that_ships_scans_the_table() -> None:
    """No Scan on any request path."""
    assert found(SHIPPED, lines_where(scans)) == {}


def prints(node: ast.AST) -> bool:
    """Whether a node calls print."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"


def test_nothing_that_ships_prints() -> None:
    """Lambda's log is JSON lines; a print would bypass the filters for secrets."""
    assert found(SHIPPED, lines_where(prints)) == {}


def test_no_path_of_one_machine() -> None:
    """A clone works in any folder."""
    assert found(SHIPPED, texts_with(PATHS)) == {}
