"""What `invoke package`, `invoke deploy` and `invoke destroy` do and print."""

from pathlib import Path

from botocore.session import Session

from chalicelib.settings import LOCAL_STAGES
from tasks.cloud.account import Account
from tasks.cloud.bootstrap import bootstrap as prepare
from tasks.cloud.deploy import Deployment
from tasks.cloud.history import History
from tasks.cloud.package import Package
from tasks.errors import TaskError
from tasks.processes import project_folder
from tasks.stages import configuration

MEGABYTE = 1024**2


def package(stage: str) -> None:
    """Package a stage into packaged/STAGE, and print how large it is."""
    require_known(stage)
    make(stage)


def deploy(
    stage: str, bucket: str, *, yes: bool, dry_run: bool, packaged: str = "", promote: str = ""
) -> None:
    """Package a stage and deploy it.

    :param packaged: a folder with the stage's package, which is deployed as it is.
    :param promote: another stage, which must run the same code.
    """
    require_known(stage)
    account = Account(Session(), bucket)
    _ = account.number  # fails where there are no credentials, before anything takes time
    made = ready(stage, Path(packaged)) if packaged else make(stage)
    if promote:
        require_tried(made, History(account, promote))
    Deployment(stage, account).deploy(made, yes=yes, dry_run=dry_run)


def bootstrap(repository: str, budget_email: str, exists: dict[str, bool], *, yes: bool) -> None:
    """Prepare an account.

    :param exists: what other stacks have made of it: OidcProvider, ApiGatewayLogRole.
    """
    parameters = {"Repository": repository, "BudgetEmail": budget_email}
    parameters |= {name: "exists" for name, there in exists.items() if there}
    prepare(Account(Session()), parameters, yes=yes)


def rollback(stage: str, bucket: str, *, yes: bool) -> None:
    """Deploy what a stage ran before."""
    Deployment(stage, Account(Session(), bucket)).rollback(yes=yes)


def require_tried(package: Package, other: History) -> None:
    """Check that another stage runs this very code, which passed its test there.

    :raises TaskError: it runs other code, or none.
    """
    latest = other.latest()
    running = latest.digest if latest else "nothing"
    if running != package.digest:
        raise TaskError(
            f"{other.stage} runs {running[:12]}, and this package is {package.digest[:12]}: deploy it to "
            f"{other.stage} first."
        )


def destroy(stage: str, *, yes: bool, delete_data: bool) -> None:
    """Delete a stage's stack."""
    Deployment(stage, Account(Session())).destroy(yes=yes, delete_data=delete_data)


def require_known(stage: str) -> None:
    """Check a stage's name before anything takes time.

    :raises TaskError: there is no such stage to deploy.
    """
    if stage in LOCAL_STAGES:
        raise TaskError(
            f"Cannot deploy a stage called {stage}: the name is for this machine, so functions would look "
            "for their table on 127.0.0.1. Choose another name in .chalice/config.json."
        )
    known = configuration()["stages"]
    if stage not in known:
        raise TaskError(f"--stage is one of {', '.join(known)}.")


def ready(stage: str, folder: Path) -> Package:
    """Return the package in a folder, and print its digest.

    :raises TaskError: it is incomplete, or for another stage.
    """
    found = Package.in_folder(folder)
    found.require_ready(stage)
    print(f"{found.code}: SHA-256 {found.digest}")
    return found


def make(stage: str) -> Package:
    """Package a stage, and print its size and digest."""
    # imported here: deploying a package that was made elsewhere needs no Chalice
    from tasks.cloud.packaging import build  # noqa: PLC0415 - see above

    made = build(stage, project_folder() / "packaged" / stage)
    size, plain = (path.stat().st_size / MEGABYTE for path in (made.code, made.plain))
    name = made.code.relative_to(project_folder())
    print(f"{name}: {size:.1f} MB (plain `chalice package`: {plain:.1f} MB), SHA-256 {made.digest}")
    return made
