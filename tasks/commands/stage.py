"""`invoke shell` and `invoke doctor`: a look inside a stage."""

import sys

from invoke.context import Context

from tasks.console import YES_HELP, command
from tasks.stages import STAGE_HELP


@command(stage=STAGE_HELP, command="run only this line", yes=YES_HELP)
def shell(_context: Context, stage: str = "", command: str = "", yes: bool = False) -> None:
    """Open a Python shell with the models, and a stage's table connected."""
    from tasks import shell as work
    from tasks.tables import on_table

    with on_table("shell", stage, writes=True, yes=yes) as call:
        if command:
            sys.exit(not work.run_line(call.settings, command))
        work.run(call.settings)


@command(stage=STAGE_HELP)
def doctor(_context: Context, stage: str = "") -> None:
    """Check a stage, and print what to do about each problem; status 1 if there is one."""
    from tasks.doctor.checks import CHECKS
    from tasks.doctor.report import diagnose

    wrong = diagnose(stage, CHECKS)
    print(f"Wrong: {wrong}." if wrong else "Nothing is wrong.")
    sys.exit(bool(wrong))
