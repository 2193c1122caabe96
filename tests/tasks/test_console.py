"""What a user sees of a task that can't be done."""

import os
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

pytestmark = pytest.mark.slow
WRONG = {
    "nothing": "No idea what 'nothing' is!",
    "openapi.fuzz --examples abc": "invalid literal",
    "package --stage nowhere": "--stage is one of dev, prod.",
    "deploy --stage local": "Cannot deploy a stage called local",
    "openapi.fuzz --examples 0": "--examples is 1 or more.",
    "test.mutation --workers 0": "--workers is 1 or more.",
    "test.mutation --tests -1": "--tests is 0 or more.",
    "openapi.export --format xml": "--format is one of json",
    "openapi.export --output /nonexistent/x": "/nonexistent/x",
    "keys.list --stage nowhere": "--stage is one of",
    "keys.list --colour": "No idea what '--colour' is!",
    "test --arguments 'open": "No closing quotation",
    "keys.revoke": "'keys.revoke' did not receive required positional arguments: 'kid'",
    "keys.revoke --colour": "No idea what '--colour' is!",
    "users.create": "did not receive required positional arguments: 'username', 'email'",
    "users.create ada": "did not receive required positional arguments: 'email'",
    "users.create ada a@b.test": "--password-stdin",
    "users.list --limit x": "invalid literal",
    "users.list --limit 0": "--limit is 1 or more.",
    "users.disable -x": "No idea what '-x' is!",
    "users.list --stage nowhere": "--stage is one of",
    "users.disable": "'user'",
    "clients.create": "'owner'",
    "clients.rotate": "'client_id'",
    "clients.revoke --stage nowhere x": "--stage is one of",
    "shell --command x=": "--command: invalid syntax",
    "doctor --stage nowhere": "--stage is one of",
    "db.create --stage dev": "dev is deployed",
    "db.seed": "No engine at http://127.0.0.1:1: start `make run`",
    "clients.create ada --grant": "--grant needs a value.",
    "module.create --name notes --singular note --field": "--field needs a value.",
    "db.seed --stage prod": "prod is deployed",
    "db.export": "'output'",
    "db.import --input nowhere": "No such file",
    "db.check --stage nowhere": "--stage is one of",
    "db.migrate --rate 0": "--rate is a number of items per second",
    "db.migrate --rate x": "invalid literal",
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


@pytest.mark.parametrize("line", WRONG)
def test_wrong_arguments_are_one_line_and_status_2(line: str) -> None:
    """A wrong argument gives one clear line and exit code 2, never a traceback."""
    done = run(*(line.split(" ", 2) if "'" in line else line.split()))
    assert (done.returncode, done.stdout) == (2, "")
    assert WRONG[line] in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "line", ["openapi.codegen --help", "keys.revoke -h", "users.create ada --admin --help"]
)
def test_help_works_behind_any_task(line: str) -> None:
    """Each task has --help, which is no value of an argument that is missing."""
    done = run(*line.split())
    asked = run("--help", line.split(maxsplit=1)[0])
    assert (done.returncode, done.stdout, done.stderr) == (0, asked.stdout, "")
    assert "a stage of" in done.stdout or "openapi-generator" in done.stdout


def test_an_options_value_may_look_like_an_option() -> None:
    """It is passed on, whatever it is."""
    done = run("openapi.export", "--format", "--help")
    assert (done.returncode, done.stderr.startswith("--format is one of")) == (2, True)


def test_short_options_may_stand_together() -> None:
    """As everywhere; what reaches the task is what is refused here."""
    assert "--password-stdin" in run("users.create", "-ai", "ada", "a@b.test").stderr
    assert "--stage is one of" in run("users.disable", "-snowhere", "ada").stderr
