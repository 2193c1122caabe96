"""The source code as the architecture tests read it."""

import ast
import io
import tokenize
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BESIDE = ("benchmarks", "examples", "sdk")  # folders with Python that neither ships nor tests
SHIPPED = sorted([ROOT / "app.py", *(ROOT / "chalicelib").rglob("*.py")])
OURS = sorted([*SHIPPED, *(ROOT / "tasks").rglob("*.py")])
EVERYTHING = sorted([*OURS, *(ROOT / "tests").rglob("*.py")])
REPOSITORY = sorted([*EVERYTHING, *(file for name in BESIDE for file in (ROOT / name).rglob("*.py"))])
Function = ast.FunctionDef | ast.AsyncFunctionDef
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def name_of(path: Path) -> str:
    """Return a file's path within the project."""
    return path.relative_to(ROOT).as_posix()


def found(paths: Iterable[Path], look: Callable[[Path], list[Any]]) -> dict[str, list[Any]]:
    """Return what is found in files, by their names; files without any are left out."""
    return {name_of(path): here for path in paths if (here := look(path))}


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(path.read_text("utf-8"))


def functions(path: Path) -> list[Function]:
    """List every function and method of a file."""
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, Function)]


@cache
def code_lines(path: Path) -> frozenset[int]:
    """Number the lines that hold code: no blank ones, no comments, no docstrings."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
    used = {
        number
        for token in tokens
        if token.type not in LAYOUT
        for number in range(token.start[0], token.end[0] + 1)
    }
    return frozenset(used - docstring_lines(path))


def docstring_lines(path: Path) -> set[int]:
    """Number the lines of docstrings."""
    return {
        number
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Module | ast.ClassDef | Function) and ast.get_docstring(node) is not None
        for number in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }


def docstrings(path: Path) -> list[str]:
    """List the docstrings of a file."""
    documented = (
        node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Module | ast.ClassDef | Function)
    )
    return [text for node in documented if (text := ast.get_docstring(node))]


def length_of(path: Path, function: Function) -> int:
    """Count the lines of code of a function's body."""
    first, last = function.body[0].lineno, function.body[-1].end_lineno or 0
    return sum(first <= number <= last for number in code_lines(path))


def texts(path: Path) -> list[str]:
    """List the string constants of a file, docstrings excepted."""
    hidden = docstring_lines(path)
    return [
        node.value
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.lineno not in hidden
    ]
