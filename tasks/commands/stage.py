"""`invoke shell` and `invoke doctor`: a look inside a stage."""

import sys

from invoke.context import Context
from invoke.tasks import task

from tasks.console import YES_HELP
from tasks.stages import STAGE_HELP


@task(help={"stage": STAGE_HELP, "command": "run this one line, and end", "yes": YES_HELP})
def shell(_context: Context, stage: str = "", command: str = "", yes: bool = False) -> None:
    """Open a Python shell with the models, and a stage's table connected."""
    # The other tasks start the faster without botocore and the application; so below.
    from tasks import shell as work  # noqa: PLC0415 - see above
    from tasks.tables import on_table  # noqa: PLC0415 - see above

    with on_table("shell", stage, writes=True, yes=yes) as call:
        if command:
            sys.exit(not work.run_line(call.settings, command))
        work.run(call.settings)


@task(help={"stage": STAGE_HELP})
def doctor(_context: Context, stage: str = "") -> None:
    """Look at a stage from all sides, and say what to do; status 1 if something is wrong."""
    from tasks.doctor.checks import CHECKS  # noqa: PLC0415 - as above
    from tasks.doctor.report import diagnose  # noqa: PLC0415 - as above
    from tasks.tables import refusing_faults  # noqa: PLC0415 - as above

    with refusing_faults():
        wrong = diagnose(stage, CHECKS)
    print(f"Wrong: {wrong}." if wrong else "Nothing is wrong.")
    sys.exit(bool(wrong))
