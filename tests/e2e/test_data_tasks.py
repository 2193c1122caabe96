"""`invoke db.*` beside a running server, as an operator runs them."""

import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest

from tasks.processes import LOOPBACK, module
from tests.e2e.stack import Stack

pytestmark = pytest.mark.slow


class Keeper:
    """Runs tasks on the tables of a stack's engine."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def __call__(self, *arguments: str, table: str = "grail-local") -> tuple[int, str]:
        """Run a task, and return its status and its last line."""
        done = subprocess.run(  # noqa: S603 - words that stand below
            module("invoke", *arguments),
            cwd=self.stack.folder,
            env={
                **self.stack.environment,
                "DYNAMODB_ENDPOINT": self.stack.endpoint,
                "TABLE_NAME": table,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, (done.stdout + done.stderr).strip().splitlines()[-1]


@pytest.fixture
def keeper(stack: Stack) -> Keeper:
    """Somebody with a terminal."""
    return Keeper(stack)


def test_a_stage_moves_into_another_table(stack: Stack, keeper: Keeper, tmp_path: Path) -> None:
    """Behaviour 66: created, filled, exported, imported, checked, each by its command."""
    assert stack.token("user", "w").status == 200
    path = tmp_path / "export.jsonl.gz"
    assert keeper("db.seed", "--stage", "local")[0] == 0
    status, said = keeper("db.export", "--output", str(path), "--stage", "local")
    count = re.search(r"the (\d+) items of grail-local", said)
    assert (status, bool(count)) == (0, True), said
    assert keeper("db.create", table="grail-moved") == (0, "grail-moved is there.")
    assert keeper("db.create", table="grail-moved") == (0, "grail-moved is there.")
    status, said = keeper("db.import", "--input", str(path), table="grail-moved")
    assert (status, said) == (0, f"grail-moved: {count and count[1]} items written, 0 were as new or newer.")
    status, said = keeper("db.import", "--input", str(path), table="grail-moved")
    assert (status, "holds items already" in said) == (2, True)
    status, said = keeper("db.import", "--input", str(path), "--merge", table="grail-moved")
    assert (status, said.split(": ")[1]) == (
        0,
        f"0 items written, {count and count[1]} were as new or newer.",
    )
    assert keeper("db.check", table="grail-moved") == (0, f"{count and count[1]} items: no findings.")


def test_damage_has_status_1_until_it_is_mended(keeper: Keeper, tmp_path: Path) -> None:
    """The exit status is for scripts."""
    item = {
        "pk": {"S": "EMAIL#ghost@localhost"},
        "sk": {"S": "EMAIL"},
        "kind": {"S": "unique_name"},
        "user_id": {"S": "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
        "version": {"N": "1"},
        "created": {"S": "2026-01-01T00:00:00.000000+0000"},
        "updated": {"S": "2026-01-01T00:00:00.000000+0000"},
    }
    path = tmp_path / "damaged.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({"Item": item}).encode()))
    assert keeper("db.create", table="grail-damaged")[0] == 0
    assert keeper("db.import", "--input", str(path), table="grail-damaged")[0] == 0
    assert keeper("db.check", table="grail-damaged") == (1, "1 items: 1 finding.")
    assert keeper("db.check", "--fix", table="grail-damaged") == (0, "0 items: no findings.")


def test_items_are_migrated_by_command(keeper: Keeper) -> None:
    """The dry run counts items; nothing is left to do on a new table."""
    for arguments in (("--dry-run",), ("--rate", "50")):
        status, said = keeper("db.migrate", *arguments)
        assert (status, " 0 items " in said) == (0, True), said


@pytest.mark.parametrize("task", ["db.create", "db.seed", "db.check", "db.migrate", "users.list"])
def test_an_engine_that_is_not_there_is_one_line(stack: Stack, task: str) -> None:
    """The line has the address, and what to do."""
    done = subprocess.run(  # noqa: S603 - as above
        module("invoke", task),
        cwd=stack.folder,
        env={**stack.environment, "DYNAMODB_ENDPOINT": f"http://{LOOPBACK}:1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == f"No engine at http://{LOOPBACK}:1: start `make run` in another terminal.\n"
    assert done.returncode == 2


def test_a_table_that_is_not_there_is_one_line(keeper: Keeper, tmp_path: Path) -> None:
    """Never a traceback, and no empty file."""
    status, said = keeper("db.export", "--output", str(tmp_path / "x"), table="grail-none")
    assert (status, list(tmp_path.iterdir())) == (2, [])
    assert "ResourceNotFoundException" in said
