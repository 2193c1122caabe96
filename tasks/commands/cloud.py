"""The tasks for AWS: packaging, deployment, and tests on a local cloud."""

import sys

from invoke.context import Context

from tasks.console import YES_HELP, command, words

BUCKET_HELP = "S3 bucket for packages (default: grail-packages-ACCOUNT-REGION, created on first use)"


@command(
    repository="OWNER/NAME on GitHub, whose workflows may deploy",
    budget_email="who is told when the account costs more than the budget",
    oidc_provider_exists="the account has GitHub's OIDC provider already",
    log_role_exists="API Gateway has its role for logs in this region already",
    yes=YES_HELP,
)
def bootstrap(
    _context: Context,
    *,
    repository: str = "",
    budget_email: str = "",
    oidc_provider_exists: bool = False,
    log_role_exists: bool = False,
    yes: bool = False,
) -> None:
    """Prepare an AWS account, once: bucket, roles that deploy, permissions boundary, and a budget."""
    from tasks.cloud import command as work

    exists = {"OidcProvider": oidc_provider_exists, "ApiGatewayLogRole": log_role_exists}
    work.bootstrap(repository, budget_email, exists, yes=yes)


@command(stage="a stage of .chalice/config.json")
def package(_context: Context, stage: str = "dev") -> None:
    """Make packaged/STAGE: the CloudFormation template, and the code with bytecode and without ballast."""
    from tasks.cloud import command as work

    work.package(stage)


@command(
    stage="a stage of .chalice/config.json",
    yes=YES_HELP,
    dry_run="show what would change in the stack, and stop",
    bucket=BUCKET_HELP,
    packaged="folder with a package to deploy as it is, made by `invoke package`",
    promote="a stage that must run the same code, such as dev",
)
def deploy(
    _context: Context,
    stage: str = "dev",
    *,
    yes: bool = False,
    dry_run: bool = False,
    bucket: str = "",
    packaged: str = "",
    promote: str = "",
) -> None:
    """Package a stage, show what would change in AWS, make the changes, and test the stage."""
    from tasks.cloud import command as work

    work.deploy(stage, bucket, yes=yes, dry_run=dry_run, packaged=packaged, promote=promote)


@command(stage="a deployed stage", yes=YES_HELP, bucket=BUCKET_HELP)
def rollback(_context: Context, stage: str = "dev", yes: bool = False, bucket: str = "") -> None:
    """Deploy again what a stage ran before: the same code, template and parameters."""
    from tasks.cloud import command as work

    work.rollback(stage, bucket, yes=yes)


@command(stage="a deployed stage", yes=YES_HELP, delete_data="delete the table as well")
def destroy(_context: Context, stage: str = "dev", yes: bool = False, delete_data: bool = False) -> None:
    """Delete a stage from AWS, unless data in it is protected."""
    from tasks.cloud import command as work

    work.destroy(stage, yes=yes, delete_data=delete_data)


@command(
    arguments="passed on to pytest, such as '-k permission'",
    api="run the API tests through its gateway, too, which takes minutes",
)
def e2e(_context: Context, arguments: str = "", api: bool = False) -> None:
    """Deploy the real package to a local cloud with IAM enforced, and try it out there."""
    from tasks import checks

    sys.exit(checks.e2e(words(arguments), api=api))
