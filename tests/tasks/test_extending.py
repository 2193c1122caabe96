"""docs/extending.md and examples/: all of their code is applied to a copy of the project, together."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT
from tests.pages import Example, Step, changed, copy_to, examples, steps

PAGE = ROOT / "docs" / "extending.md"
STEPS, EXAMPLES = steps(PAGE), examples()
CHANGED = [step.path for step in STEPS if step.path] + [file for each in EXAMPLES for file in each.files]
PYTHON = sorted({path for path in CHANGED if path.endswith(".py")})
OWN_TESTS = [path for path in PYTHON if path.startswith("tests/api/test_") and not (ROOT / path).exists()]
# Of the project's tests, those that an extension may break.
OTHER_TESTS = [
    "tests/api/test_authorization_matrix.py",
    "tests/api/test_openapi.py",
    "tests/api/test_users.py",
    "tests/architecture/test_docs.py",
    "tests/architecture/test_imports.py",
    "tests/architecture/test_rules.py",
    "tests/architecture/test_size.py",
    "tests/integration/test_capacity.py::test_every_operation_is_measured",
    "tests/test_settings_page.py",
]
CHOSEN = [
    *(Path(path).stem.removeprefix("test_") for path in OWN_TESTS),
    *("same_routes", "sentence", "links_to", "licence", "own_account", "in_the_table", "imports_run_one_way"),
    *("picture", "room", "every_setting", "every_operation"),
]
SHOWN = ("module.create",)  # blocks that show, and change nothing


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """A copy of the project with all extensions, however often they are applied."""
    copy_to(tmp_path)
    for example in EXAMPLES * 2:
        example.apply(tmp_path)
    for step in STEPS * 2:
        step.apply(tmp_path)
    return tmp_path


def succeed(project: Path, *arguments: str) -> str:
    """Run a Python module in a copy, and show what went wrong, if anything did."""
    done = subprocess.run(  # noqa: S603 - this very interpreter, with arguments that stand here
        [sys.executable, "-m", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_has_all_walks() -> None:
    """Each brings tests along, and no block of code is left out of this."""
    assert len([step for step in STEPS if step.is_new and (step.path or "").startswith("tests/")]) == 4
    assert len(STEPS) == PAGE.read_text("utf-8").count("\n```") // 2 - len(SHOWN)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.folder.name)
def test_an_example_fits_the_project(example: Example) -> None:
    """Its patch can be applied to the files as they are today, or was; its README names its files."""
    assert example.fits(ROOT) or example.fits(ROOT, "--reverse")
    page = (example.folder / "README.md").read_text("utf-8")
    assert [file for file in example.files if file.startswith("tests/") and file not in page] == []


@pytest.mark.slow
def test_extensions_pass_checks_and_tests(extended: Path) -> None:
    """What stands on the page works: linted, typed, layered, documented, tested."""
    if (ROOT / ".mypy_cache").exists():
        shutil.copytree(ROOT / ".mypy_cache", extended / ".mypy_cache")
    succeed(extended, "ruff", "check", ".")
    succeed(extended, "ruff", "format", "--check", ".")
    succeed(extended, "mypy", *PYTHON)
    tests = ["-p", "no:cacheprovider", *OWN_TESTS, *OTHER_TESTS, "-k", " or ".join(CHOSEN)]
    assert "skipped" not in succeed(extended, "pytest", "-q", "-n0", *tests)


@pytest.mark.slow
def test_extensions_give_a_sound_template(extended: Path) -> None:
    """The function is put on the table's own stream, which is on, once its role may read it."""
    file = extended / "template.json"
    succeed(extended, "tests.templates", "dev", str(file))
    made: dict[str, Any] = json.loads(file.read_text("utf-8"))
    assert made["Parameters"]["Stream"]["Default"] == "yes"
    function = made["Resources"]["CleanUpAtOnce"]
    (event,) = function["Properties"]["Events"].values()
    assert event["Properties"]["Stream"] == {"Fn::GetAtt": ["Table", "StreamArn"]}
    assert len(event["Properties"]["FilterCriteria"]["Filters"]) == 1
    assert "StreamPolicy" in function["DependsOn"]
    lint = [str(Path(sys.executable).with_name("cfn-lint")), str(file)]
    done = subprocess.run(lint, capture_output=True, text=True, check=False)  # noqa: S603 - installed here
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("text", ["b\n", "a\na\n", "a\nb\na\nb\n", "", "xa\nb\n"])
def test_a_change_finds_its_lines_once(text: str) -> None:
    """Lines that are not there, or there twice, leave open where a change belongs."""
    with pytest.raises(LookupError, match="not once"):
        changed(text, Step("file", is_new=False, language="diff", code=" a\n-b\n+c\n"))


def test_a_change_is_made_once() -> None:
    """This test still runs after a block was pasted; other lines may have come in between."""
    step = Step("file", is_new=False, language="diff", code=" a\n+b\n+\n+b\n c\n")
    once = changed("a\nc\n", step)
    assert (once, changed(once, step), changed(f"a\nx\n{once[2:]}", step)) == (
        once,
        once,
        f"a\nx\n{once[2:]}",
    )


def test_a_change_has_parts() -> None:
    """Each is found by itself; an empty line stands for one."""
    step = Step("file", is_new=False, language="diff", code=" a\n+b\n@@\n-c\n\n+d\n")
    assert changed("a\nc\n\ne\n", step) == "a\nb\n\nd\ne\n"
