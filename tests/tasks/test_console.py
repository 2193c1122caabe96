"""What a user sees when a task fails."""

import os
import subprocess
import sys

import pytest

from tasks import namespace
from tasks.console import confirm
from tasks.errors import TaskError
from tests.architecture.source import ROOT

WRONG = {
    "package --stage nowhere": "--stage is one of dev, prod.",
    "deploy --stage local": "Cannot deploy a stage called local",
    "db.migrate --rate abc": "--rate must be a whole number of at least 1, not 'abc'.",
    "openapi.export --format xml": "--format is one of json",
    "openapi.export --output /nonexistent/x": "/nonexistent/x",
    "keys.list --stage nowhere": "--stage is one of",
    "test --arguments 'open": "No closing quotation",
    "users.create ada a@b.test": "--password-stdin",
    "users.list --limit 0": "--limit must be",
    "users.list --stage nowhere": "--stage is one of",
    "clients.revoke --stage nowhere x": "--stage is one of",
    "clients.rotate x --overlap -1": "--overlap must be a whole number of at least 0",
    "shell --command x=": "--command: invalid syntax",
    "doctor --stage nowhere": "--stage is one of",
    "db.create --stage dev": "dev is deployed",
    "db.seed": "No engine at http://127.0.0.1:1: start `make run`",
    "db.seed --stage prod": "prod is deployed",
    "db.import --input nowhere": "No such file",
    "db.check --stage nowhere": "--stage is one of",
    "db.migrate --rate 0": "--rate must be",
}
REFUSED_BY_INVOKE = {
    "nothing": "No idea what 'nothing' is!",
    "keys.list --colour": "No idea what '--colour' is!",
    "keys.list -s dev": "No idea what '-s' is!",
    "keys.revoke": "'keys.revoke' did not receive required positional arguments: 'kid'",
    "users.create ada": "did not receive required positional arguments: 'email'",
    "db.export": "'output'",
}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `invoke`, with nobody at the terminal and no engine behind the table."""
    return subprocess.run(  # noqa: S603 - words that stand here
        [sys.executable, "-m", "invoke", *words],
        cwd=ROOT,
        env={**os.environ, "DYNAMODB_ENDPOINT": "http://127.0.0.1:1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("line", [*WRONG, *REFUSED_BY_INVOKE])
def test_wrong_arguments_are_one_line(line: str) -> None:
    """Status 2, or 1 where Invoke refuses them by itself; never a traceback."""
    done = run(*(line.split(" ", 2) if "'" in line else line.split()))
    assert (done.returncode, done.stdout) == (2 if line in WRONG else 1, "")
    assert {**WRONG, **REFUSED_BY_INVOKE}[line] in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["users.list --help", "openapi.codegen --help", "keys.revoke -h", "users.create ada --help"]
)
def test_help_works_behind_a_task(line: str) -> None:
    """Where an argument is missing, too: Invoke takes --help for its value."""
    done = run(*line.split())
    asked = run("--help", line.split(maxsplit=1)[0])
    assert (done.returncode, done.stdout, done.stderr) == (0, asked.stdout, "")
    assert "--" in done.stdout


@pytest.mark.parametrize("name", sorted(namespace.task_names))
def test_no_option_has_a_short_form(name: str) -> None:
    """It would mean another option in the next task."""
    assert not namespace[name].auto_shortflags


def nobody(_question: str) -> str:
    """Standard input is at its end."""
    raise EOFError


def test_a_confirmation_takes_a_yes() -> None:
    """Or what has to be typed."""
    confirm("deploy grail-dev", ask=lambda _: "y")
    confirm("deploy grail-prod", "prod", ask=lambda _: " prod ")


@pytest.mark.parametrize(("typed", "answer"), [("", ""), ("", "no"), ("prod", "y"), ("prod", "dev")])
def test_any_other_answer_changes_nothing(typed: str, answer: str) -> None:
    """The task ends there."""
    with pytest.raises(TaskError, match="Nothing was changed"):
        confirm("write to grail-prod", typed, ask=lambda _: answer)


def test_where_nobody_can_answer_the_option_is_named() -> None:
    """Scripts confirm with --yes."""
    with pytest.raises(TaskError) as caught:
        confirm("write to grail-prod", "prod", ask=nobody)
    assert str(caught.value) == (
        "Cannot ask for confirmation (no terminal). Pass --yes to write to grail-prod."
    )
