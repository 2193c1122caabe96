"""`invoke db.*`: a stage's table and what is in it."""

import sys
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from tasks.console import refusing
from tasks.stages import STAGE_HELP


@task(help={"stage": STAGE_HELP})
def create(_context: Context, stage: str = "") -> None:
    """Make the table of a local stage; a deployed one has it from its stack."""
    # The other tasks start the faster without botocore; so below.
    from tasks import prepare, tables  # noqa: PLC0415 - see above

    with refusing(*tables.FAULTS):
        print(prepare.create(prepare.open_local(stage)))


@task(help={"stage": STAGE_HELP})
def seed(_context: Context, stage: str = "") -> None:
    """Write the development data of a local stage, whose passwords everybody knows."""
    from tasks import prepare, tables  # noqa: PLC0415 - as above

    with refusing(*tables.FAULTS):
        prepare.open_local(stage)
        print(prepare.fill())


@task(help={"output": "a new file; one that ends in .gz is compressed", "stage": STAGE_HELP})
def export(_context: Context, output: str, stage: str = "") -> None:
    """Write all items of a stage to a file, as DynamoDB JSON."""
    from tasks import tables  # noqa: PLC0415 - as above
    from tasks.data import copy, files  # noqa: PLC0415 - as above

    with refusing(*tables.FAULTS, files.FileError):
        settings = tables.open_table(stage)
        count = copy.export(Path(output))
    print(f"{output} has the {count} items of {settings.table_name}; its owner alone can read it.")


@task(
    name="import",
    help={
        "input": "what db.export wrote, or the manifest-files.json of DynamoDB's export to S3",
        "stage": STAGE_HELP,
        "merge": "into a table that holds items: newer ones stay; goes on with an import that was stopped",
        "yes": "do not ask",
    },
)
def load(
    _context: Context,
    input: str,  # noqa: A002 - it is the name of the option
    stage: str = "",
    merge: bool = False,
    yes: bool = False,
) -> None:
    """Write all items of an export into a stage's empty table."""
    from tasks import tables  # noqa: PLC0415 - as above
    from tasks.data import copy, files  # noqa: PLC0415 - as above

    with refusing(*tables.FAULTS, files.FileError, copy.ImportRefusedError):
        settings = tables.open_table(stage, writes=True, yes=yes)
        written, left = copy.load(Path(input), merge=merge)
    print(f"{settings.table_name}: {written} items written, {left} were as new or newer.")


@task(help={"fix": "mend what can be mended without guessing", "stage": STAGE_HELP, "yes": "do not ask"})
def check(_context: Context, fix: bool = False, stage: str = "", yes: bool = False) -> None:
    """Find orphans, wrong counters, missing markers and listings; status 1 if something is wrong."""
    from tasks import tables  # noqa: PLC0415 - as above
    from tasks.data import check as checking  # noqa: PLC0415 - as above

    with refusing(*tables.FAULTS):
        tables.open_table(stage, writes=fix, yes=yes)
        is_well = checking.check(fix=fix)
    sys.exit(0 if is_well else 1)


@task(
    help={
        "stage": STAGE_HELP,
        "dry_run": "tell how many items there are to migrate, and write nothing",
        "rate": "items to write per second, at the most",
        "yes": "do not ask",
    }
)
def migrate(
    _context: Context, stage: str = "", dry_run: bool = False, rate: int = 100, yes: bool = False
) -> None:
    """Bring items up to the schema that the code writes; repeat it if it was stopped."""
    from tasks import migrations, tables  # noqa: PLC0415 - as above
    from tasks.data import migrate as migrating  # noqa: PLC0415 - as above

    with refusing(*tables.FAULTS, migrating.MigrationError):
        tables.open_table(stage, writes=not dry_run, yes=yes)
        is_well = migrating.migrate(migrations.MIGRATIONS, rate=rate, dry_run=dry_run)
    sys.exit(0 if is_well else 1)
