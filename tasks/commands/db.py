"""`invoke db.*`: a stage's table and what is in it."""

import sys
from pathlib import Path

from invoke.context import Context

from tasks.console import YES_HELP, command, number
from tasks.stages import STAGE_HELP


@command(stage=STAGE_HELP)
def create(_context: Context, stage: str = "") -> None:
    """Create the table of a local stage; the stack of a deployed one has it."""
    from tasks import prepare

    print(prepare.create(prepare.open_local(stage)))


@command(stage=STAGE_HELP)
def seed(_context: Context, stage: str = "") -> None:
    """Write the development data of a local stage, whose passwords are public."""
    from tasks import prepare

    prepare.open_local(stage)
    print(prepare.fill())


@command(output="file to create, compressed by gzip, such as backup.jsonl.gz", stage=STAGE_HELP)
def export(_context: Context, output: str, stage: str = "") -> None:
    """Write all items of a stage to a file, as compressed DynamoDB JSON."""
    from tasks import tables
    from tasks.data import copy

    settings = tables.open_table(stage)
    count = copy.export(Path(output))
    print(f"{output} has the {count} items of {settings.table_name}; only its owner can read it.")


@command(
    "import",
    input="file of db.export, or the folder `data` of a DynamoDB export to S3",
    stage=STAGE_HELP,
    merge="write into a table that has items, and keep newer ones; also resumes an import",
    yes=YES_HELP,
)
def load(
    _context: Context,
    input: str,  # noqa: A002 - it is the name of the option
    stage: str = "",
    merge: bool = False,
    yes: bool = False,
) -> None:
    """Write all items of an export into a stage's empty table."""
    from tasks import tables
    from tasks.data import copy

    settings = tables.open_table(stage, writes=True, yes=yes)
    written, left = copy.load(Path(input), merge=merge)
    print(f"{settings.table_name}: {written} items written, {left} were as new or newer.")


@command(fix="repair what can be repaired without guessing", stage=STAGE_HELP, yes=YES_HELP)
def check(_context: Context, fix: bool = False, stage: str = "", yes: bool = False) -> None:
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
def migrate(
    _context: Context, stage: str = "", dry_run: bool = False, rate: str = "100", yes: bool = False
) -> None:
    """Bring items up to the schema that the code writes; repeat it if it was stopped."""
    from tasks import migrations, tables
    from tasks.data import migrate as migrating

    speed = number("--rate", rate)
    tables.open_table(stage, writes=not dry_run, yes=yes)
    sys.exit(not migrating.migrate(migrations.MIGRATIONS, rate=speed, dry_run=dry_run))
