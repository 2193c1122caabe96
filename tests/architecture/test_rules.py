"""Rules of the house that hold for every file."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.source import EVERYTHING, OURS, ROOT, SHIPPED, Function, name_of, texts, tree_of

KEY = re.compile(r"[A-Z]{4,}[A-Z_]*#")
IN_SHIPPED = [path for path in SHIPPED if path.name != "settings.py"]
NOT_KEYS = [path for path in SHIPPED if name_of(path) != "chalicelib/db/keys.py"]
PATHS = re.compile(r"/(home|Users|root|work|tmp)/\w")


def touches_environment(node: ast.AST) -> bool:
    """Tell whether a node reads the process environment."""
    if isinstance(node, ast.Attribute):
        return node.attr in ("environ", "environb", "getenv", "getenvb")
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "os"
        and any(alias.name in ("environ", "environb", "getenv", "getenvb", "*") for alias in node.names)
    )


@pytest.mark.parametrize("path", IN_SHIPPED, ids=name_of)
def test_only_settings_reads_the_environment(path: Path) -> None:
    """Configuration comes in at one door."""
    assert [node for node in ast.walk(tree_of(path)) if touches_environment(node)] == []


def test_settings_does_read_it() -> None:
    """The rule above finds what it looks for."""
    settings = ROOT / "chalicelib" / "settings.py"
    assert any(touches_environment(node) for node in ast.walk(tree_of(settings)))


@pytest.mark.parametrize(
    "path", [path for path in SHIPPED if name_of(path) != "chalicelib/db/keys.py"], ids=name_of
)
def test_key_templates_stand_in_one_file(path: Path) -> None:
    """EVERY pk, sk and gsi template is in db/keys.py."""
    assert [text for text in texts(path) if KEY.search(text)] == []


def test_the_key_rule_finds_keys() -> None:
    """The rule above finds what it looks for."""
    assert [text for text in texts(ROOT / "chalicelib" / "db" / "keys.py") if KEY.search(text)] != []


def definitions(tree: ast.Module) -> list[ast.ClassDef | Function]:
    """List what a module defines for others: its classes and functions, and the methods of its classes."""
    own = [node for node in tree.body if isinstance(node, ast.ClassDef | Function)]
    classes = [node for node in own if isinstance(node, ast.ClassDef)]
    methods = [node for kind in classes for node in kind.body if isinstance(node, Function)]
    return [node for node in own + methods if not node.name.startswith("_")]


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_whatever_is_public_says_what_it_is(path: Path) -> None:
    """Every module, class and function that others may use has a docstring."""
    tree = tree_of(path)
    silent = [node.name for node in definitions(tree) if ast.get_docstring(node) is None]
    assert (bool(ast.get_docstring(tree)) or not tree.body, silent) == (True, [])


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_each_test_states_a_behaviour(path: Path) -> None:
    """A test without a sentence leaves open what it is that fails."""
    tests = [node for node in definitions(tree_of(path)) if node.name.startswith("test_")]
    assert [node.name for node in tests if ast.get_docstring(node) is None] == []


NORMALIZING = {"normalize", "is_normalized"}


def normalizes(node: ast.AST) -> bool:
    """Tell whether a node is a use of unicodedata's quadratic functions, under whatever name."""
    if isinstance(node, ast.Attribute):
        return node.attr in NORMALIZING
    return isinstance(node, ast.ImportFrom) and node.module == "unicodedata"


@pytest.mark.parametrize("path", [path for path in OURS if path.name != "text.py"], ids=name_of)
def test_text_is_normalized_in_one_module(path: Path) -> None:
    """unicodedata.normalize is quadratic in a run of marks: chalicelib/text.py bounds what it gets."""
    assert [node for node in ast.walk(tree_of(path)) if normalizes(node)] == []


def test_the_rule_finds_what_normalizes() -> None:
    """The rule above finds what it looks for."""
    assert [node for node in ast.walk(tree_of(ROOT / "chalicelib" / "text.py")) if normalizes(node)] != []


@pytest.mark.parametrize("path", SHIPPED, ids=name_of)
def test_nothing_that_ships_scans_the_table(path: Path) -> None:
    """No Scan on any request path."""
    called = [node.func for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    assert [func.attr for func in called if isinstance(func, ast.Attribute) and "scan" in func.attr] == []


@pytest.mark.parametrize("path", SHIPPED, ids=name_of)
def test_nothing_that_ships_prints(path: Path) -> None:
    """Lambda's log is JSON lines by logging; a print would slip a secret past every filter."""
    called = [node.func for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    assert [func.id for func in called if isinstance(func, ast.Name) and func.id == "print"] == []


@pytest.mark.parametrize("path", SHIPPED, ids=name_of)
def test_no_path_of_one_machine(path: Path) -> None:
    """What is cloned runs anywhere."""
    assert [text for text in texts(path) if PATHS.search(text)] == []
