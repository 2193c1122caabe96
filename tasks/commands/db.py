"""`invoke db.*`: a stage's table and what is in it."""

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
        print(prepare.create(tables.open_local(stage)))


@task(help={"stage": STAGE_HELP})
def seed(_context: Context, stage: str = "") -> None:
    """Write the development data of a local stage, whose passwords everybody knows."""
    from tasks import prepare, tables  # noqa: PLC0415 - as above

    with refusing(*tables.FAULTS):
        tables.open_local(stage)
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
