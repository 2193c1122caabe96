"""Imports: one way only, and nothing heavy before it is needed."""

import os
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

LATE = (
    "argon2",
    "apispec",
    "requests",
    "boto3",
    "moto",
    "tasks",
    "tests",
    "asyncio",
)
SHOW = "import sys, app; print(*sorted(sys.modules))"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the project, as a fresh process on a local stage."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(  # noqa: S603 - this very interpreter, with arguments that stand here
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def imported() -> frozenset[str]:
    """What a cold start imports."""
    done = run("-c", SHOW)
    assert done.returncode == 0, done.stderr
    return frozenset(done.stdout.split())


@pytest.mark.parametrize("module", ["chalicelib.web.endpoint", "pynamodb", "jwt", "marshmallow"])
def test_a_cold_start_imports_what_every_request_needs(imported: frozenset[str], module: str) -> None:
    """The check below can find something."""
    assert module in imported


@pytest.mark.parametrize("module", LATE)
def test_a_cold_start_leaves_out_what_few_requests_need(imported: frozenset[str], module: str) -> None:
    """Each import slows down cold starts; development tools do not even ship."""
    assert module not in imported


def test_imports_run_one_way() -> None:
    """App -> oauth | teams -> users -> audit -> web -> security | db -> errors | settings."""
    done = run(
        "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    )
    assert done.returncode == 0, done.stdout


def test_nothing_is_collected_while_importing() -> None:
    """Garbage collection is off during imports, ignores what they created, and works afterwards."""
    count = "import gc; runs = []; gc.callbacks.append(lambda phase, info: runs.append(phase))"
    done = run("-c", f"{count}; import chalicelib.cold_start; runs.clear(); import app; print(len(runs))")
    assert done.stdout.strip() == "0", done.stderr
    done = run("-c", "import app, gc; print(gc.isenabled(), gc.get_freeze_count() > 10_000)")
    assert done.stdout.strip() == "True True", done.stderr
