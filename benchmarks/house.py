"""How large the house is, and how far a request walks through it.

`python -m benchmarks.house [FOLDER]` prints the figures of this tree, or of another one, such as an older
clone.
"""

import ast
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Openers of docstrings: verbs that the documentation of Python itself would not use.
OPENERS = ("Give", "Tell", "Say", "Name", "Let")
# Runs in the measured tree, by what all trees have: development data, and the API.
WALK = """
import collections, dataclasses, json, os, sys
import tests.conftest
import app
from chalicelib.db.table import connect, create_table
from tasks.seed import seed
from tests.http import Client, InProcess
connect(dataclasses.replace(app.settings, dynamodb_endpoint=None))
create_table()
seed()
api = Client(InProcess(app.app))
form = {"grant_type": "password", "client_id": "documentation", "username": "user", "password": "w"}
token = api("POST", "/auth/oauth2/token", form=form).json["access_token"]
me = api("GET", "/api/v1/users/me", token=token).json["id"]
walk, inside = [], os.getcwd() + "/chalicelib/"
def note(frame, event, _):
    if event == "call" and frame.f_code.co_filename.startswith(inside):
        walk.append(frame.f_code.co_filename)
def patch(number):
    data = [{"op": "test", "path": "/current_password", "value": "w"},
            {"op": "replace", "path": "/email", "value": f"ada{number}@test.example"},
            {"op": "replace", "path": "/first_name", "value": f"Ada {number}"}]
    assert api("PATCH", f"/api/v1/users/{me}", token=token, data=data).status == 200
patch(1)
sys.setprofile(note)
patch(2)
sys.setprofile(None)
def fields(thing, prefix=""):
    for field in dataclasses.fields(thing):
        value, default = getattr(thing, field.name), field.default
        if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if field.name in ("access", "takes", "gives", "docs"):
            yield from fields(value, f"{field.name}.")
        else:
            yield prefix + field.name, value is not default and value != default
used = collections.Counter()
for methods in app.api.operations.values():
    for operation in methods.values():
        for name, is_used in fields(operation):
            used[name] += is_used
print(json.dumps({
    "files": len(set(walk)),
    "switches": sum(one != other for one, other in zip(walk, walk[1:])),
    "rare": sorted(name for name, times in used.items() if times < 3 and name not in ("handler", "tag")),
    "fields": len(used),
}))
"""


def lines(files: Iterator[Path] | list[Path]) -> int:
    """Return how many lines files have."""
    return sum(len(file.read_text("utf-8").splitlines()) for file in files)


def python(root: Path, *folders: str) -> list[Path]:
    """Return the Python files in folders; only those that git tracks."""
    told = subprocess.run(  # noqa: S603 - git, with folders that stand here
        ["git", "ls-files", *(f"{folder}/*.py" for folder in folders)],  # noqa: S607
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return [root / name for name in told.stdout.split() if (root / name).exists()]


def functions(files: list[Path]) -> list[int]:
    """Return the lines of every function, signature and docstring included."""
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8"))))
    return sorted(
        (node.end_lineno or 0) - node.lineno + 1
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def openers(files: list[Path]) -> int:
    """Return how many docstrings open with a vague verb."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8"))))
    texts = (ast.get_docstring(node) or "" for node in nodes if isinstance(node, kinds))
    return sum(text.split()[:1] == [word] for text in texts for word in OPENERS)


def concepts(root: Path) -> list[str]:
    """Return the classes of chalicelib/web that declarations and handlers are made of.

    Exceptions, and the schemas and fields that marshmallow's users know, are left out, with what derives from
    them.
    """
    files = [file for file in python(root, "chalicelib/web") if "openapi" not in file.parts]
    nodes = [node for file in files for node in ast.parse(file.read_text("utf-8")).body]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    bases = {node.name: [ast.unparse(each) for each in node.bases] for node in classes}
    return sorted(name for name in bases if not _is_known(name, bases))


def _is_known(name: str, bases: dict[str, list[str]]) -> bool:
    if name in ("Schema", "Exception") or name.startswith("fields."):
        return True
    return any(_is_known(base, bases) for base in bases.get(name, []))


def main(root: Path) -> None:
    """Print the figures of a tree."""
    core, everything = [root / "app.py", *python(root, "chalicelib")], python(root, ".")
    lengths = functions(core)
    pages = sorted((root / "docs").rglob("*.md"))
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", WALK], cwd=root, stdout=subprocess.PIPE, text=True, check=True
    )
    walk = json.loads(done.stdout.splitlines()[-1])
    contracts = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    found = concepts(root)
    for name, value in {
        "app.py + chalicelib, lines": lines(core),
        "tasks, lines": lines(python(root, "tasks")),
        "docs, lines": lines(pages),
        "functions, median / p90 / max": f"{statistics.median(lengths):g} / "
        f"{lengths[len(lengths) * 9 // 10]} / {lengths[-1]}",
        "concepts of web": f"{len(found)}: {', '.join(found)}",
        "fields of the declaration": walk["fields"],
        "of them in fewer than 3 operations": f"{len(walk['rare'])}: {', '.join(walk['rare'])}",
        "files that a PATCH of an e-mail passes": walk["files"],
        "its switches of file": walk["switches"],
        "docstrings with a weak opener": openers(everything),
        "import contracts": " ".join(re.findall(r"Contracts: (.*)", contracts.stdout)),
    }.items():
        sys.stdout.write(f"{name:40} {value}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
