"""What is checked before a deployment, so that it fails at once instead of after minutes."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from chalicelib.security.keys import read_keyring
from chalicelib.security.keystore import UNUSABLE, source_of
from chalicelib.settings import SECRETS_PARAMETER, Settings
from tasks.cloud.account import Account, is_denied
from tasks.keys import ABSENT
from tasks.stages import PROTECTED

UNRESERVED = 100  # what Lambda keeps for functions that reserve nothing (AWS quota)
THROUGHPUT = "/ssm/parameter-store/high-throughput-enabled"


def obstacles(account: Account, settings: Settings, parameters: dict[str, str], *, new: bool) -> list[str]:
    """Return what a deployment would fail at, each with what to do; empty if nothing is known.

    :param parameters: those of the stack.
    :param new: there is no stack yet.
    """
    return _found(
        _commit(settings.stage, parameters["Build"]),
        _secrets(account, settings),
        *([_functions(account, settings.stage)] if new else []),
        _concurrency(account, int(parameters.get("MaxConcurrency", 0))),
    )


def hints(account: Account, settings: Settings) -> list[str]:
    """Return what may fail under load; it stops no deployment."""
    return _found(_quota(account), *([_throughput(account, settings)] if settings.stage in PROTECTED else []))


def _found(*checks: Iterator[str]) -> list[str]:
    """Run checks, but for what the caller may not look at: a deploying role needs no access to secrets."""
    found: list[str] = []
    for check in checks:
        try:
            found += check
        except ClientError as error:
            if not is_denied(error):
                raise
    return found


def _quota(account: Account) -> Iterator[str]:
    most = _limit(account)  # AWS gives new accounts few
    if most <= UNRESERVED:
        yield (
            f"This account runs at most {most} functions at a time; more requests get 5xx. "
            "Have the quota raised (Service Quotas, Lambda, Concurrent executions)."
        )


def _limit(account: Account) -> int:
    """Return how many functions the account runs at a time."""
    limits = account.client("lambda").get_account_settings()["AccountLimit"]
    return int(limits["ConcurrentExecutions"])


def _throughput(account: Account, settings: Settings) -> Iterator[str]:
    """Look at the limit that new containers meet when they read their secrets (AWS quota)."""
    if not (settings.secrets or "").startswith(f"{SECRETS_PARAMETER}:"):
        return
    setting = account.client("ssm").get_service_setting(SettingId=THROUGHPUT)["ServiceSetting"]
    if setting["SettingValue"] != "true":
        yield (
            "Parameter Store takes 40 reads a second in this account, and every new container reads once: "
            "with more than some 200 containers, see docs/deploy.md, Many cold starts at once."
        )


def _commit(stage: str, build: str) -> Iterator[str]:
    if stage in PROTECTED and build.endswith("-dirty"):
        yield f"{stage} gets only what is committed: commit your changes, or stash them."


def _secrets(account: Account, settings: Settings) -> Iterator[str]:
    """Read the document of secrets as functions do when they start."""
    made = f"invoke keys.generate --stage {settings.stage}"
    try:
        read_keyring(source_of(settings, account).read(), account)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise
        yield f"There is no {settings.secrets}, without which no function starts: {made}"
    except UNUSABLE as error:
        # only the kind: a message may quote a part of a key
        yield f"{settings.secrets} is unusable ({type(error).__name__}): docs/keys.md says what it needs."


def _functions(account: Account, stage: str) -> Iterator[str]:
    name = f"grail-{stage}"
    try:
        account.client("lambda").get_function_configuration(FunctionName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return
    yield f"The function {name} exists and belongs to no stack: chalice delete --stage {stage}"


def _concurrency(account: Account, reserved: int) -> Iterator[str]:
    most = _limit(account) - UNRESERVED if reserved else 0
    if reserved > most:
        yield (
            f"MaxConcurrency is {reserved}, and this account can reserve at most {max(most, 0)}: lower it, "
            "or have the quota raised (Service Quotas, Lambda, Concurrent executions)."
        )
