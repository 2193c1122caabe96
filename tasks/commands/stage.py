"""`invoke shell` and `invoke doctor`: a look inside a stage; `invoke stage.create`: another one."""

import sys
from typing import TYPE_CHECKING

from tasks.console import command, stage_command
from tasks.stages import STAGE_HELP

if TYPE_CHECKING:  # importing it takes long
    from chalicelib.context import Context


@stage_command(writes=True, command="run only this line")
def shell(context: "Context", command: str = "") -> None:
    """Open a Python shell with the models, and a stage's table connected."""
    from tasks import shell as work

    if command:
        sys.exit(not work.run_line(context.settings, command))
    work.run(context.settings)


@command(stage=STAGE_HELP)
def doctor(_context: object, stage: str = "") -> None:
    """Check a stage, and print what to do about each problem; status 1 if there is one."""
    from tasks.doctor.checks import CHECKS
    from tasks.doctor.report import diagnose

    wrong = diagnose(stage, CHECKS)
    print(f"Wrong: {wrong}." if wrong else "Nothing is wrong.")
    sys.exit(bool(wrong))


@command(name="a name of at most 20 characters: a-z, 0-9 and hyphens", like="the stage that it is like")
def create(_context: object, name: str, like: str = "dev") -> None:
    """Write the files of another stage, which `invoke destroy --delete-data` may remove with its data."""
    from tasks.cloud import stages
    from tasks.processes import project_folder

    written = stages.create(project_folder(), name, like)
    print("\n".join(written))
    print(f"Next: invoke keys.generate --stage {name}, and invoke deploy --stage {name}")
