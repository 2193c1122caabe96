"""The letters are a room: without their folders and lines, everything else works as it did."""

import shutil
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.letters.room import EDITS, GONE, take_out
from tests.pages import copy_to
from tests.tasks.test_extending import succeed

pytestmark = pytest.mark.slow
# What reads the whole project, and what is nearest to the letters: events, accounts, teams, tasks, the stack.
# All tests would take twenty minutes; a test that imports letters fails at the checks already.
TESTS = (
    "tests/architecture",
    "tests/test_settings_page.py",
    "tests/api/test_members.py",
    "tests/api/test_policies.py",
    "tests/api/test_round_trips.py",
    "tests/api/test_team_events.py",
    "tests/api/test_user_patch.py",
    "tests/tasks/test_check.py",
    "tests/tasks/test_gateway.py",
    "tests/tasks/test_operations_page.py",
    "tests/tasks/test_schedule.py",
)
# The copy has no pipelines and no locks.
LEFT_OUT = "not pipelines and not requirements and not restarts"


def test_everything_else_works_without_letters(tmp_path: Path) -> None:
    """Ruff, mypy --strict, import-linter, and the tests that are nearest."""
    copy_to(tmp_path)
    take_out(tmp_path)
    left = [path for path in tmp_path.rglob("*.py") if "chalicelib.letters" in path.read_text("utf-8")]
    assert left == []
    if (ROOT / ".mypy_cache").exists():
        shutil.copytree(ROOT / ".mypy_cache", tmp_path / ".mypy_cache")
    succeed(tmp_path, "ruff", "check", ".")
    succeed(tmp_path, "ruff", "format", "--check", ".")
    succeed(tmp_path, "mypy")
    imports = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    (tmp_path / "lint.py").write_text(imports)
    succeed(tmp_path, "lint")
    (tmp_path / "lint.py").unlink()
    succeed(tmp_path, "pytest", "-q", "-n2", "-p", "no:cacheprovider", *TESTS, "-k", LEFT_OUT)


def test_the_core_is_no_part_of_the_room() -> None:
    """Of what ships, the route table, the listeners, the keys and the metrics have lines of letters."""
    own = {name for name in EDITS if name.startswith("chalicelib/")}
    assert own == {f"chalicelib/{name}.py" for name in ("listeners", "db/keys", "telemetry/metrics")}
    assert [name for name in GONE if name.startswith("chalicelib/")] == ["chalicelib/letters"]
