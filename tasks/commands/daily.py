"""What a developer runs all day: the server, the static checks, and a look inside a stage."""

import sys
from pathlib import Path

from tasks import run as local
from tasks.commands.test import run_in_project
from tasks.console import YES_HELP, command
from tasks.processes import module
from tasks.stages import STAGE_HELP


@command()
def run() -> None:
    """Serve on 127.0.0.1 over a local DynamoDB engine (PORT, HOST, ENGINE_PORT, DYNAMODB_ENDPOINT)."""
    sys.exit(local.main())


@command()
def check() -> None:
    """Run ruff, mypy and import-linter."""
    commands = [
        module("ruff", "check", "."),
        module("ruff", "format", "--check", "."),
        module("mypy"),
        [str(Path(sys.executable).with_name("lint-imports"))],
    ]
    sys.exit(max([run_in_project(each) for each in commands]))  # all of them, also after one has failed


@command(command="run only this line", stage=STAGE_HELP, yes=YES_HELP)
def shell(*, command: str = "", stage: str = "", yes: bool = False) -> None:
    """Open a Python shell with the models, and a stage's table connected."""
    from tasks import shell as work
    from tasks.tables import open_table

    settings = open_table(stage, writes=True, yes=yes)
    if command:
        sys.exit(not work.run_line(settings, command))
    work.run(settings)


@command(stage=STAGE_HELP)
def doctor(stage: str = "") -> None:
    """Check a stage, and print what to do about each problem; status 1 if there is one."""
    from tasks.doctor.checks import CHECKS
    from tasks.doctor.report import diagnose

    wrong = diagnose(stage, CHECKS)
    print(f"Wrong: {wrong}." if wrong else "Nothing is wrong.")
    sys.exit(bool(wrong))
