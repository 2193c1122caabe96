"""The documentation says what the code says: rooms, keys, files, commands, and links that lead somewhere."""

import ast
import inspect
import re
import shlex
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from invoke.parser import Parser

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from tasks import namespace
from tests.architecture.source import ROOT, SHIPPED, name_of, tree_of

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    + [page for folder in ("examples", "sdk") for page in (ROOT / folder).glob("*/README.md")]
)
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
CODE = re.compile(r"^ *(```+).*?^ *\1`*$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.+?)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
SPAN = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"(?:app\.py|(?:chalicelib|tasks|tests|infra|docs|benchmarks)/[\w./-]*)")
CALLED = re.compile(r"(\w+)\(\)")
INVOKED = re.compile(r"\binvoke ([a-z]+(?:\.[a-z-]+)?)(?![\w-]|\.\*)")  # not "users.*"
ROW = re.compile(r"^\| `(\w+)` \| `([^`]+)` \| `([^`]+)` \|(.*)\|$", re.MULTILINE)
WIDTH = 100
WIDER = {"docs/architecture.md", "docs/extending.md"}  # until they are wrapped, too
FLOOR = re.compile(r"^    subgraph (\w+) .*?^    end$", re.MULTILINE | re.DOTALL)


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return CODE.sub("", path.read_text("utf-8"))


def anchors(path: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them of headings."""
    headings = [re.sub(r"[`*]|\]\([^)]*\)|\[", "", text) for text in HEADING.findall(prose(path))]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def links(page: Path) -> list[str]:
    """Where the links and images of a page lead."""
    return [one or other for one, other in LINK.findall(prose(page))]


def is_dead(page: Path, target: str) -> bool:
    """Whether a relative link leads nowhere; those of badges lead to pages that the host makes."""
    if target.startswith("../../actions/"):
        return False
    path, _, anchor = target.partition("#")
    found = (page.parent / path).resolve() if path else page
    return not found.exists() or (bool(anchor) and anchor not in anchors(found))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links of each page: the file is there, and so is the heading."""
    assert [each for each in links(page) if "://" not in each and is_dead(page, each)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if name_of(page) not in WIDER], ids=name_of)
def test_prose_has_one_width(page: Path) -> None:
    """Tables and code may be wider, and so may a single word, such as an address."""
    lines = [line for line in prose(page).splitlines() if not line.startswith(("|", "#", "<", "![", "[!["))]
    assert [line for line in lines if len(line) > WIDTH and " " in line.strip()] == []


def test_every_page_can_be_found() -> None:
    """From docs/README.md."""
    folder = ROOT / "docs"
    assert {page.name for page in folder.glob("*.md")} - {"README.md", *links(folder / "README.md")} == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_tasks_that_are_documented_exist(page: Path) -> None:
    """Every task that a page mentions is in `invoke --list`."""
    known = {*namespace.task_names, *(alias for names in namespace.task_names.values() for alias in names)}
    assert set(INVOKED.findall(page.read_text("utf-8"))) - known == set()


COMMANDS = [ROOT / "docs" / name for name in ("deploy.md", "keys.md", "operations.md", "tasks.md")]


@pytest.mark.parametrize("page", COMMANDS, ids=name_of)
def test_commands_for_operators_are_whole(page: Path) -> None:
    """`invoke` accepts the commands on these pages: no option is unknown, and no argument is missing."""
    blocks = [match[0] for match in CODE.finditer(page.read_text("utf-8"))]
    lines = [
        line for block in blocks for line in block.splitlines() if "->" not in line
    ]  # the doctor's advice
    typed = [found[1] for line in lines if (found := re.search(r"\binvoke ([^|#&]+)", line))]
    assert typed
    contexts = deepcopy(namespace).to_contexts()  # which removes the tasks' explanations
    for line in typed:
        Parser(contexts).parse_argv(shlex.split(line.replace("…", "x")))


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "architecture.md"], ids=name_of)
def test_files_that_are_named_exist(page: Path) -> None:
    """A file that has moved is noticed at once."""
    named = {text for text in SPAN.findall(prose(page)) if FILE.fullmatch(text)}
    assert named
    assert [text for text in sorted(named) if not (ROOT / text).exists()] == []


def test_functions_that_are_named_exist() -> None:
    """So is a function that got another name."""
    nodes = [node for path in SHIPPED for node in ast.walk(tree_of(path))]
    known = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    called = {
        name
        for span in SPAN.findall(prose(ROOT / "docs" / "architecture.md"))
        for name in CALLED.findall(span)
    }
    assert called
    assert called - known == set()


def layers() -> list[set[str]]:
    """What import-linter holds the imports to."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each.get("containers") == ["chalicelib"])
    return [set(layer.split(" | ")) for layer in contract["layers"]]


def test_the_picture_shows_the_layers() -> None:
    """Floor by floor, from the top, with an arrow from each to the next."""
    floors = [
        set(re.findall(r"^ {8}(\w+)\[", match[0], re.MULTILINE)) for match in FLOOR.finditer(ARCHITECTURE)
    ]
    names = [match[1] for match in FLOOR.finditer(ARCHITECTURE)]
    assert floors == layers()
    assert f"\n    {' --> '.join(['app', *names])}\n" in ARCHITECTURE


def templates() -> set[Key]:
    """Every key template, with the names of its arguments in braces."""
    makers = [each for _, each in inspect.getmembers(keys, inspect.isfunction)]
    made = [each for each in makers if inspect.signature(each).return_annotation is Key]
    return {each(*(f"{{{name}}}" for name in inspect.signature(each).parameters)) for each in made}


def test_every_key_is_in_the_table() -> None:
    """The page's table of keys is that of chalicelib/db/keys.py."""
    assert {Key(pk, sk) for _, pk, sk, _ in ROW.findall(ARCHITECTURE)} == templates()


def test_every_kind_is_in_the_table() -> None:
    """So are the kinds of items."""
    subclasses = [kind for kind in Item.__subclasses__() if kind.__module__.startswith("chalicelib.")]
    kinds = {Item.kind.get_discriminator(kind) for kind in subclasses}
    assert {kind for kind, *_ in ROW.findall(ARCHITECTURE)} == kinds


def test_listings_are_those_of_the_code() -> None:
    """What the last column names, keys.py makes."""
    made = {keys.USERS, keys.TEAMS, keys.clients_of("{user_id}"), keys.audit_shards()[0]}
    named = {name for *_, listed in ROW.findall(ARCHITECTURE) for name in SPAN.findall(listed)}
    assert made <= named


def test_the_declaration_is_a_real_one() -> None:
    """The page shows code as it stands."""
    (block,) = re.findall(r"^```python\n(.*?)^```", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    assert block in (ROOT / "chalicelib" / "teams" / "handlers.py").read_text("utf-8")
