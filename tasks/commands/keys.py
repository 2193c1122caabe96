"""`invoke keys.*`: the signing keys of a stage."""

from collections.abc import Callable
from typing import Any

from invoke.context import Context
from invoke.tasks import task

from tasks.console import refusing
from tasks.stages import STAGE_HELP, StageError


def on_keys(work: Callable[[Any, Any], None], stage: str) -> None:
    """Do something with the keys of a stage, and tell in one line why it could not be done."""
    # The other tasks start the faster without botocore.
    from tasks import keys  # noqa: PLC0415 - see above
    from tasks.rotation import KeysError  # noqa: PLC0415 - see above

    with refusing(KeysError, StageError), keys.explained():
        work(keys, keys.open_stage(stage))


KMS_HELP = "AWS KMS makes and keeps the key"
ALGORITHM_HELP = "RS256, ES256 or EdDSA"


@task(help={"stage": STAGE_HELP, "algorithm": ALGORITHM_HELP, "kms": KMS_HELP})
def generate(_context: Context, stage: str = "", algorithm: str = "RS256", kms: bool = False) -> None:
    """Write a stage's first document of secrets; never over another one."""
    on_keys(lambda keys, opened: keys.generate(opened, algorithm, kms=kms), stage)


@task(name="list", help={"stage": STAGE_HELP})
def list_keys(_context: Context, stage: str = "") -> None:
    """Show a stage's signing keys, and what each of them does."""
    on_keys(lambda keys, opened: keys.show(opened), stage)


@task(
    help={
        "stage": STAGE_HELP,
        "algorithm": f"{ALGORITHM_HELP}; by default the present one",
        "kms": KMS_HELP,
        "wait": "--no-wait: one step alone, and tell when the next one is due",
    },
)
def rotate(
    _context: Context, stage: str = "", algorithm: str = "", kms: bool = False, wait: bool = True
) -> None:
    """Publish a new signing key, wait until everybody knows it, then sign with it."""
    on_keys(lambda keys, opened: keys.rotate(opened, algorithm, kms=kms, wait=wait), stage)


@task(help={"kid": "the key, as keys.list shows it", "stage": STAGE_HELP})
def revoke(_context: Context, kid: str, stage: str = "") -> None:
    """Take a signing key away at once, with all its tokens (emergency)."""
    on_keys(lambda keys, opened: keys.revoke_key(opened, kid), stage)
