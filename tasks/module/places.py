"""Where new lines go in files that are there: found by the surrounding code, not by markers."""

import ast
import re
from collections.abc import Callable

Place = Callable[[str], int]  # from a file's text to the offset at which something new belongs


def end(text: str) -> int:
    """Find the end of a file."""
    return len(text)


def before(pattern: str) -> Place:
    """Find the place before the first match of a pattern, in which ^ is the beginning of a line."""
    return lambda text: _match(pattern, text).start()


def after(pattern: str) -> Place:
    """Find the place behind the first match of a pattern."""
    return lambda text: _match(pattern, text).end()


def in_literal(name: str) -> Place:
    """Find the end of a dict or list: of the one that a name is given, or that a function returns."""
    return lambda text: _line(text, _literal(text, name).end_lineno or 0)


def in_sorted_dict(name: str, key: str) -> Place:
    """Find the place of a key in a dict whose keys are sorted."""

    def place(text: str) -> int:
        literal = _literal(text, name)
        keys = literal.keys if isinstance(literal, ast.Dict) else []
        later = [node.lineno for node in keys if isinstance(node, ast.Constant) and str(node.value) > key]
        return _line(text, min(later, default=literal.end_lineno or 0))

    return place


def above_floor(names: str) -> Place:
    """Find the place before the highest floor with certain rooms, where the picture lists its floors.

    :param names: of the rooms, with | in between.
    """

    def place(text: str) -> int:
        floor = _match(rf"^    subgraph (\w+) .*\n( {{8}}.*\n)*? {{8}}({names})\[", text)[1]
        return _match(rf"(?<=--> ){floor}\b", text).start()

    return place


def _match(pattern: str, text: str) -> re.Match[str]:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise LookupError(f"nothing matches {pattern}")
    return found


def _line(text: str, number: int) -> int:
    return sum(len(line) for line in text.splitlines(keepends=True)[: number - 1])


def _literal(text: str, name: str) -> ast.Dict | ast.List:
    for node in ast.walk(ast.parse(text)):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=found)], value=ast.Dict() | ast.List() as literal)
                | ast.AnnAssign(target=ast.Name(id=found), value=ast.Dict() | ast.List() as literal)
                | ast.FunctionDef(name=found, body=[*_, ast.Return(value=ast.Dict() | ast.List() as literal)])
            ) if found == name:
                return literal
    raise LookupError(f"there is no {name}")
