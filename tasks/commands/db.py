"""`invoke db.*`: a stage's table and what is in it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.console import YES_HELP, command, number, stage_command
from tasks.stages import STAGE_HELP

if TYPE_CHECKING:  # importing it takes long
    from chalicelib.context import Context


@command(stage=STAGE_HELP)
def create(stage: str = "") -> None:
    """Create the table of a local stage; the stack of a deployed one has it."""
    from chalicelib.db.table import create_table
    from tasks.seed import open_local

    settings = open_local(stage)
    create_table()
    print(f"{settings.table_name} is there.")


@command(stage=STAGE_HELP)
def seed(stage: str = "") -> None:
    """Write the development data of a local stage, whose passwords are public."""
    from tasks import seed as data

    data.open_local(stage)
    print(data.seed())


@stage_command(output="file to create, compressed by gzip, such as backup.jsonl.gz")
def export(context: "Context", output: str) -> None:
    """Write all items of a stage to a file, as compressed DynamoDB JSON."""
    from tasks.data import copy

    count = copy.export(Path(output))
    print(f"{output} has the {count} items of {context.settings.table_name}; only its owner can read it.")


@stage_command(
    "import",
    writes=True,
    input="file of db.export, or the folder `data` of a DynamoDB export to S3",
    merge="write into a table that has items, and keep newer ones; also resumes an import",
)
def load(context: "Context", input: str, *, merge: bool = False) -> None:
    """Write all items of an export into a stage's empty table."""
    from tasks.data import copy

    written, left = copy.load(Path(input), merge=merge)
    print(f"{context.settings.table_name}: {written} items written, {left} were as new or newer.")


@command(fix="repair what can be repaired without guessing", stage=STAGE_HELP, yes=YES_HELP)
def check(fix: bool = False, stage: str = "", yes: bool = False) -> None:
    """Find orphans, wrong counters, missing markers and listings; status 1 if something is wrong."""
    from tasks import tables
    from tasks.data import check as checking

    tables.open_table(stage, writes=fix, yes=yes)
    sys.exit(not checking.check(fix=fix))


@command(
    stage=STAGE_HELP,
    dry_run="count the items that would be migrated, and write nothing",
    rate="items to write per second, at most",
    yes=YES_HELP,
)
def migrate(stage: str = "", dry_run: bool = False, rate: str = "100", yes: bool = False) -> None:
    """Bring items up to the schema that the code writes; repeat it if it was stopped."""
    from tasks import migrations, tables
    from tasks.data import migrate as migrating
    from tasks.data import shards

    speed = number("--rate", rate)
    tables.open_table(stage, writes=not dry_run, yes=yes)
    is_done = migrating.migrate(migrations.MIGRATIONS, rate=speed, dry_run=dry_run)
    shards.gather(rate=speed, dry_run=dry_run)
    sys.exit(not is_done)
