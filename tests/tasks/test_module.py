"""`invoke module.create`, in a copy of the project."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import TaskError
from tasks.module.create import create
from tasks.module.field import find_target
from tasks.module.fields import parse_fields, with_filters
from tasks.module.names import Names
from tasks.module.render import places
from tests import engine
from tests.architecture.source import ROOT

FOLDERS = (".chalice", "benchmarks", "chalicelib", "docs", "tasks", "tests")
FILES = ("CHANGELOG.md", "README.md", "app.py", "pyproject.toml", "schemathesis.toml")
PYTEST = ("pytest", "-q", "-p", "no:cacheprovider")
TITLE = ["title:string:required"]
EVERY_TYPE = [
    "headline:string:required:min=3:max=80",
    "subtitle:string",
    "slug:string:required:unique:max=40",
    "nickname:string:unique",
    "body:text:required",
    "remarks:text:max=20",
    "stars:integer:required:min=1:max=5",
    "rank:integer",
    "price:decimal:required:min=0.5:max=1000:places=2",
    "balance:decimal:min=-1000000000000000000:max=1000000000000000000:places=18",
    "is_public:boolean:required",
    "is_pinned:boolean",
    "day:date:required",
    "due:date",
    "starts:datetime:required",
    "ends:datetime",
    "status:enum:required:values=draft,in-review,done",
    "color:enum:values=red,blue",
]
FILTERS = ["slug", "subtitle", "stars", "is_public", "day", "color"]


def copy_to(folder: Path) -> Path:
    """Copy what belongs to the project."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    engine.share(folder)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project."""
    return copy_to(tmp_path)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that nothing changes."""
    return copy_to(tmp_path_factory.mktemp("untouched"))


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module in a copy."""
    return subprocess.run(  # noqa: S603 - this very interpreter, with arguments that stand here
        [sys.executable, "-m", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def tree(project: Path) -> dict[str, bytes]:
    """Every file, without what Python and ruff keep for themselves."""
    files = [path for path in project.rglob("*") if path.is_file()]
    kept = [path for path in files if not {"__pycache__", ".ruff_cache"} & set(path.parts)]
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in kept}


def succeed(project: Path, *arguments: str) -> str:
    """Run what has to succeed, and show what went wrong, if anything did."""
    done = run(project, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_new_module_passes_every_check(project: Path) -> None:
    """A resource with every type of field is linted, formatted, typed, layered and tested."""
    create(project, "gizmo_parts", "gizmo_part", EVERY_TYPE, filters=FILTERS)
    succeed(project, "ruff", "check", ".")
    succeed(project, "ruff", "format", "--check", ".")
    succeed(
        project,
        "mypy",
        "chalicelib/gizmo_parts",
        "app.py",
        "tests/api/test_gizmo_parts.py",
        "tests/api/test_gizmo_parts_fields.py",
        "tests/api/world.py",
    )
    tests = ["tests/architecture", "tests/db/test_keys.py", "tests/api/test_gizmo_parts.py"]
    tests += ["tests/api/test_gizmo_parts_fields.py"]
    tests += ["tests/integration/test_capacity.py::test_every_operation_is_measured"]
    tests += [f"tests/api/test_{name}.py" for name in ("authorization_matrix", "openapi")]
    chosen = (
        "gizmo_parts or imports_run_one_way or valid or distinct or kinds or picture or in_the_table or room"
    )
    chosen += " or every_operation or may_be_missing"
    told = succeed(project, "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", chosen)
    assert "skipped" not in told


@pytest.mark.slow
def test_modules_that_refer_to_others_pass_every_check(project: Path) -> None:
    """So does a resource of teams, and what refers to users, teams and generated resources."""
    create(project, "categories", "category", TITLE)
    said = ["name:string:required:unique", "size:integer", "category:ref:categories", "author:ref:users"]
    create(project, "gizmos", "gizmo", said, "team", filters=["size", "name"])
    create(project, "widgets", "widget", ["gizmo:ref:gizmos", "team:ref:teams", "author:ref:users:required"])
    succeed(project, "ruff", "check", ".")
    succeed(project, "ruff", "format", "--check", ".")
    made = [path.relative_to(project).as_posix() for path in project.glob("tests/api/test_*s_of_*.py")]
    rooms = ("chalicelib/gizmos", "chalicelib/widgets", "app.py", "tests/api/world.py")
    succeed(project, "mypy", *rooms, *made)
    made += [f"tests/api/test_{name}.py" for name in ("gizmos", "authorization_matrix", "team_deletion")]
    made += ["tests/architecture/test_docs.py", "tests/architecture/test_imports.py"]
    chosen = "gizmos or widgets or imports_run_one_way or picture or in_the_table or room or goes_whole"
    told = succeed(project, *PYTEST, *made, "-k", chosen)
    assert "skipped" not in told


@pytest.mark.parametrize(("owner", "permission"), [("team", "ADMIN"), ("user", "get_user.access.permission")])
def test_what_teams_own_is_listed_for_others_by_admins_only(owner: str, permission: str) -> None:
    """Whoever may look at what it refers to need not be in the team."""
    fields = parse_fields(["author:ref:users"], "gizmo", owner=owner)
    handlers = places(Names("gizmos", "gizmo"), fields, owner)["reference_handlers"]
    assert f"access=Access({permission}, scopes=READ, reads=get_user.access.reads)" in handlers
    assert ("Access(get_team.access.permission," in handlers) is (owner == "team")


@pytest.mark.slow
def test_many_modules_pass_the_rules_for_the_whole_project(project: Path) -> None:
    """However many there are, no function and no file outgrows its limits."""
    for number in range(12):
        create(project, f"things_{number}", f"thing_{number}", TITLE if number else EVERY_TYPE)
    succeed(project, "ruff", "check", ".")
    succeed(project, "ruff", "format", "--check", ".")
    succeed(project, "mypy", "tests/api/world.py", "tests/api/owned")
    succeed(project, *PYTEST, "tests/architecture/test_size.py", "tests/db/test_keys.py")
    succeed(project, *PYTEST, "tests/api/test_authorization_matrix.py", "-k", "things_11")


BAD_NAMES = [
    ("", "gizmo", "can't name"),
    ("Articles", "gizmo", "can't name"),
    ("gizmos", "the article", "can't name"),
    ("gizmos", "class", "can't name"),
    ("x" * 25, "x", "can't name"),
    ("news", "news", "both are"),
    ("teams", "team", "chalicelib/teams already exists"),
    ("errors", "fault", "chalicelib/errors.py already exists"),
    ("problems", "problem", "tests/api/test_problems.py already exists"),
    ("static", "statue", "a route"),
    ("clients", "customer", "a name in app.py"),
    ("people", "user", "a kind of item"),
    ("shots", "counter", "a kind of item"),
    ("grants", "grant", "a name in app.py"),
    ("lists", "list", "a name of Python's"),
    ("pages", "leaf", "calls something else"),
    ("sittings", "session", "a class or function"),
]


@pytest.mark.parametrize(("things", "thing", "words"), BAD_NAMES)
def test_a_name_that_is_taken_or_none_is_refused(
    untouched: Path, things: str, thing: str, words: str
) -> None:
    """The message says what is wrong; nothing is written."""
    before = tree(untouched)
    with pytest.raises(TaskError, match=words):
        create(untouched, things, thing, TITLE)
    assert tree(untouched) == before


def test_a_module_is_not_created_twice(project: Path) -> None:
    """Existing modules are never overwritten."""
    create(project, "gizmos", "gizmo", TITLE)
    before = tree(project)
    with pytest.raises(TaskError, match="already exists"):
        create(project, "gizmos", "gizmo", ["body:text:required"])
    assert tree(project) == before


def test_a_file_without_its_place_is_named(project: Path) -> None:
    """Where a project went its own way, the message says in which file."""
    (project / "CHANGELOG.md").write_text("# News\n", "utf-8")
    before = tree(project)
    with pytest.raises(TaskError, match=r"CHANGELOG\.md has no place"):
        create(project, "gizmos", "gizmo", TITLE)
    assert tree(project) == before


def test_the_longest_names_stay_on_one_line(project: Path) -> None:
    """Each route is a line of app.py, however long, so that others can refer to the resource."""
    longest = "international_settlement"
    create(project, longest, longest[:-1], ["team:ref:teams"])
    create(project, "international_receivable", "receivable", [f"other:ref:{longest}", "payer:ref:users"])
    routes = re.findall(r"^api\.route\(.*\)$", (project / "app.py").read_text("utf-8"), re.MULTILINE)
    assert sum("international" in route for route in routes) == 13
    succeed(project, "ruff", "check", "app.py")
    succeed(project, "ruff", "format", "--check", "app.py")


@pytest.mark.parametrize(
    ("owner", "said", "is_of_team"), [("user", ["team:ref:teams"], False), ("team", TITLE, True)]
)
def test_what_refers_to_a_team_need_not_be_a_teams(
    project: Path, owner: str, said: list[str], *, is_of_team: bool
) -> None:
    """Only what teams own is read after the item, which takes a round trip more."""
    create(project, "gizmos", "gizmo", said, owner)
    assert find_target(project, "gizmos").is_of_team == is_of_team


def test_a_target_may_be_read_by_others(project: Path) -> None:
    """The tests of what refers to it have its row of permissions as it is."""
    create(project, "gizmos", "gizmo", TITLE)
    rows = project / "tests/api/expected_access.py"
    text, row = rows.read_text("utf-8"), 'gizmos/{gizmo_id}"): Access("gizmos:read", "'
    rows.write_text(text.replace(f'{row}active user", _ALL', f'{row}admin", frozenset(ADMINS)'), "utf-8")
    target = find_target(project, "gizmos")
    assert (target.words, target.who) == ("admin", "frozenset(ADMINS)")


BAD_FIELDS = [
    ("", "write NAME:TYPE"),
    ("title", "write NAME:TYPE"),
    ("title:varchar", "write NAME:TYPE"),
    ("Title:string", "can't name a field"),
    ("class:string", "can't name a field"),
    ("id:string", "can't be a field"),
    ("kind:string", "can't be a field"),
    ("fields:string", "can't be a field"),
    ("gizmo_id:string", "can't be a field"),
    ("title:string:optional", "options are"),
    ("title:string:required:required", "options are"),
    ("title:string:unique:unique", "options are"),
    ("title:string:unique:max=7", "max=8 or more"),
    ("title:text:unique", "only a string can be unique"),
    ("title:string:max=1:max=2", "options are"),
    ("title:string:max=0", "max is a number from 1 to 500"),
    ("title:string:max=many", "max is a number"),
    ("title:string:required:min=9:max=8", "min is a number from 1 to 8"),
    ("title:string:min=1", "an optional string does not take min"),
    ("pages:integer:min=5:max=5", "min is a number"),
    ("price:decimal:places=0", "places is a number from 1 to 18"),
    ("price:decimal:min=0.001", "min is a number from .* with at most 2 digits"),
    ("price:decimal:min=2:max=1", "max is a number from 2"),
    ("price:decimal:max=1e3", "max is a number"),
    ("is_new:boolean:max=5", "does not take max"),
    ("status:enum", "values=A,B"),
    ("status:enum:values=draft", "values=A,B"),
    ("status:enum:values=draft,draft", "values=A,B"),
    ("status:enum:values=draft,null", "values=A,B"),
    ('status:enum:values=a"b,c', "values=A,B"),
    ("team:ref", "no resource '' to refer to"),
    ("team:ref:crews", "no resource 'crews' to refer to. Create it first"),
    ("team:ref:oauth2_clients", "no resource"),
    ("user:ref:users", "can't be a field"),
    ("author:ref:users:refuse", "a reference to users is clear or cascade"),
    ("author:ref:users:required:clear", "a reference to users is cascade"),
    ("team:ref:teams:keep", "a reference to teams is refuse or cascade"),
    ("team:ref:teams:cascade:refuse", "options are"),
    ("team:ref:teams:max=5", "does not take max"),
]


@pytest.mark.parametrize(("said", "words"), BAD_FIELDS)
def test_a_bad_field_is_refused(said: str, words: str) -> None:
    """The message says how to write it."""
    with pytest.raises(TaskError, match=words):
        parse_fields([said], "gizmo")


def test_two_fields_cannot_refer_to_one_resource() -> None:
    """Its items can list what refers to them by one field."""
    with pytest.raises(TaskError, match="Two fields refer to the same resource"):
        parse_fields(["author:ref:users", "editor:ref:users"], "gizmo")


def test_nobody_else_owns_things(untouched: Path) -> None:
    """Users do, or teams."""
    with pytest.raises(TaskError, match="--owner is user or team"):
        create(untouched, "gizmos", "gizmo", TITLE, "client")


BAD_FILTERS = ["", "motto", "Title", "body", "price", "starts", "limit", "title;id"]


@pytest.mark.parametrize("name", BAD_FILTERS)
def test_a_bad_filter_is_refused(name: str) -> None:
    """Long texts, decimals and times are found by no value, and `limit` is another parameter."""
    said = ["title:string", "body:text", "price:decimal", "starts:datetime", "limit:integer"]
    with pytest.raises(TaskError, match=f"--filter {name}: name a field of the type string"):
        with_filters(parse_fields(said, "gizmo"), [name])


def test_two_fields_need_two_names() -> None:
    """Whatever their types are."""
    with pytest.raises(TaskError, match="same name"):
        parse_fields(["title:string", "title:text"], "gizmo")


DECLARED = [
    (
        "n:string:required",
        'Text(min_length=1, max_length=100, required=True, metadata={"example": "The n"})',
        "()",
    ),
    ("n:string:max=3", 'Text(max_length=3, metadata={"example": "The"})', '(default="")'),
    ("n:text", 'Prose(max_length=2000, metadata={"example": "The n"})', '(default="")'),
    ("n:boolean", 'Flag(metadata={"example": True})', "(default=False)"),
    (
        "n:datetime",
        'StoredMoment(allow_none=True, metadata={"example": "2026-01-31T12:00:00Z"})',
        "(null=True)",
    ),
    (
        "n:integer:required:max=9",
        'fields.Integer(strict=True, validate=validate.Range(0, 9), required=True, metadata={"example": 1})',
        "()",
    ),
    (
        "n:decimal:required:max=9.5:places=1",
        'DecimalText(least="0", most="9.5", places=1, required=True, metadata={"example": "9.5"})',
        "()",
    ),
    ("n:date", 'FullDate(allow_none=True, metadata={"example": "2026-01-31"})', "(null=True)"),
    (
        "n:ref:teams:required",
        'ItemId("team_id", required=True, metadata={"example": "01BX5ZZKBKACTAV9WEVGEMMVRX"})',
        "()",
    ),
    (
        "n:enum:values=a,b-c",
        'fields.String(validate=validate.OneOf(("a", "b-c")), allow_none=True, metadata={"example": "a"})',
        "(null=True)",
    ),
]


@pytest.mark.parametrize(("said", "declaration", "stored"), DECLARED)
def test_a_field_becomes_a_declaration(said: str, declaration: str, stored: str) -> None:
    """Limits, examples, and what stands in the table where nothing was said."""
    found = parse_fields([said], "gizmo")[0]
    assert (found.schema_field, found.attribute) == (declaration, found.stored + stored)


WRONG = [
    ("module.create",),
    ("module.create", "--name", "gizmos"),
    ("module.create", "--name", "teams", "--singular", "team"),
    ("module.create", "--name", "gizmos", "--singular", "gizmo", "--field", "title:varchar"),
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_arguments_get_one_line(untouched: Path, arguments: tuple[str, ...]) -> None:
    """Exit code 2, no traceback, nothing on the standard output."""
    done = run(untouched, "invoke", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_the_task_says_what_it_did(project: Path) -> None:
    """What is new, what is changed, and what to do next."""
    told = succeed(project, "invoke", "module.create", "--name", "gizmos", "--singular", "gizmo")
    assert "chalicelib/gizmos/handlers.py" in told
    assert "make check && make test" in told
