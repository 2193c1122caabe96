"""The tasks around AWS: packaging, deployment, and a try on a local cloud."""

import sys

from invoke.context import Context
from invoke.tasks import task


@task(help={"stage": "a stage of .chalice/config.json"})
def package(_context: Context, stage: str = "dev") -> None:
    """Make packaged/STAGE: the CloudFormation template, and the code with bytecode and without ballast."""
    # The other tasks start the faster without Chalice and botocore; so below.
    from tasks.cloud import command  # noqa: PLC0415 - see above
    from tasks.cloud.packaging import PackageError  # noqa: PLC0415 - see above

    try:
        command.package(stage)
    except PackageError as error:
        sys.exit(str(error))
