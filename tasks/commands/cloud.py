"""The tasks for AWS: packaging, deployment, and tests on a local cloud."""

from pathlib import Path

from tasks.commands.test import pytest
from tasks.console import YES_HELP, command

STAGE = "a stage of .chalice/config.json (default: dev)"


@command(
    repository="OWNER/NAME on GitHub, whose workflows may deploy",
    budget_email="who is told when the account costs more than the budget",
    oidc_provider_exists="the account has GitHub's OIDC provider already",
    log_role_exists="API Gateway has its role for logs in this region already",
    yes=YES_HELP,
)
def bootstrap(
    *,
    repository: str = "",
    budget_email: str = "",
    oidc_provider_exists: bool = False,
    log_role_exists: bool = False,
    yes: bool = False,
) -> None:
    """Prepare an AWS account, once: bucket, roles that deploy, permissions boundary, and a budget."""
    from tasks.cloud.account import Account
    from tasks.cloud.bootstrap import bootstrap as prepare

    parameters = {
        "Repository": repository,
        "BudgetEmail": budget_email,
        "OidcProvider": "exists" if oidc_provider_exists else "",
        "ApiGatewayLogRole": "exists" if log_role_exists else "",
    }
    prepare(Account(), parameters, yes=yes)


@command(stage=STAGE)
def package(stage: str = "dev") -> None:
    """Make packaged/STAGE: the CloudFormation template, and the code with bytecode and without ballast."""
    from tasks.cloud.packaging import make

    make(stage)


@command(
    stage=STAGE,
    yes=YES_HELP,
    dry_run="show what would change in the stack, and stop",
    packaged="folder with a package to deploy as it is, made by `invoke package`",
    promote="a stage that must run the same code, such as dev",
)
def deploy(
    stage: str = "dev",
    *,
    yes: bool = False,
    dry_run: bool = False,
    packaged: str = "",
    promote: str = "",
) -> None:
    """Package a stage, show what would change in AWS, make the changes, and test the stage."""
    from tasks.cloud.account import Account
    from tasks.cloud.deploy import Deployment
    from tasks.cloud.history import History
    from tasks.cloud.package import Package, require_known

    require_known(stage)
    account = Account()
    _ = account.number  # fails where there are no credentials, before anything takes time
    if packaged:
        made = Package(Path(packaged))
        made.require_ready(stage)
        print(f"{made.code}: SHA-256 {made.digest}")
    else:
        from tasks.cloud.packaging import make  # imports Chalice, which deploying a package does not need

        made = make(stage)
    if promote:
        History(account, promote).require(made.digest)
    Deployment(stage, account).deploy(made, yes=yes, dry_run=dry_run)


@command(stage=STAGE, yes=YES_HELP)
def rollback(stage: str = "dev", yes: bool = False) -> None:
    """Deploy again what a stage ran before: the same code, template and parameters."""
    from tasks.cloud.account import Account
    from tasks.cloud.deploy import Deployment

    Deployment(stage, Account()).rollback(yes=yes)


@command(stage=STAGE, yes=YES_HELP, delete_data="delete the table as well")
def destroy(stage: str = "dev", yes: bool = False, delete_data: bool = False) -> None:
    """Delete a stage from AWS, unless data in it is protected."""
    from tasks.cloud.account import Account
    from tasks.cloud.deploy import Deployment

    Deployment(stage, Account()).destroy(yes=yes, delete_data=delete_data)


@command(
    arguments="passed on to pytest, such as '-k permission'",
    api="run the API tests through its gateway, too, which takes minutes",
)
def e2e(arguments: str = "", api: bool = False) -> None:
    """Deploy the real package to a local cloud with IAM enforced, and try it out there."""
    files = ["tests/cloud", *([] if api else ["--ignore", "tests/cloud/test_acceptance.py"])]
    pytest(arguments, "-n0", "-s", "-m", "cloud", *files)
