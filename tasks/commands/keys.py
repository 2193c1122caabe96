"""`invoke keys.*`: the signing keys of a stage."""

from tasks.console import command
from tasks.stages import STAGE_HELP

KMS_HELP = "let AWS KMS create and keep the key"
ALGORITHM_HELP = "RS256, ES256 or EdDSA"


@command(stage=STAGE_HELP, algorithm=ALGORITHM_HELP, kms=KMS_HELP)
def generate(stage: str = "", algorithm: str = "RS256", kms: bool = False) -> None:
    """Write a stage's first document of secrets; never over another one."""
    from tasks import keys

    keys.generate(keys.open_stage(stage), algorithm, kms=kms)


@command("list", stage=STAGE_HELP)
def list_keys(stage: str = "") -> None:
    """Show a stage's signing keys, and what each of them does."""
    from tasks import keys

    keys.show(keys.open_stage(stage))


@command(
    stage=STAGE_HELP,
    algorithm=f"{ALGORITHM_HELP}; default: that of the current key",
    kms=KMS_HELP,
    wait="--no-wait: only the next step; prints when the one after it is due",
)
def rotate(stage: str = "", algorithm: str = "", kms: bool = False, wait: bool = True) -> None:
    """Publish a new signing key, wait until it is known everywhere, then sign with it."""
    from tasks import keys

    keys.rotate(keys.open_stage(stage), algorithm, kms=kms, wait=wait)


@command(kid="the key, as keys.list shows it: --kid=ID takes a leading hyphen, too", stage=STAGE_HELP)
def revoke(kid: str, stage: str = "") -> None:
    """Remove a signing key at once, with all its tokens (emergency)."""
    from tasks import keys

    keys.revoke_key(keys.open_stage(stage), kid)
