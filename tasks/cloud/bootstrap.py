"""`invoke bootstrap`: what an account needs once, as a stack of its own."""

import secrets
import time
from collections.abc import Callable

from tasks.cloud.account import Account
from tasks.cloud.stack import Stack, kind_of
from tasks.console import confirm
from tasks.errors import TaskError
from tasks.stages import INFRA, tags

STACK = "grail-bootstrap"
CAPABILITIES = ["CAPABILITY_NAMED_IAM"]


def bootstrap(
    account: Account,
    parameters: dict[str, str],
    *,
    yes: bool = False,
    say: Callable[[str], None] = print,
    ask: Callable[[str], str] | None = None,
) -> dict[str, str]:
    """Create or update the stack, and return its outputs.

    :param parameters: those of infra/bootstrap.yaml; others, and empty ones, stay as they are.
    :raises TaskError: CloudFormation refuses it, or fails.
    """
    stack = Stack(account.client("cloudformation"), STACK)
    # Without this, whoever only updates the stack would remove the roles of the repository, and the budget.
    chosen = stack.parameters | {name: value for name, value in parameters.items() if value}
    text = (INFRA / "bootstrap.yaml").read_text("utf-8")
    # Static, so that CloudFormation can adopt the bucket that a deployment has made before.
    bucket = f"grail-packages-{account.number}-{account.region}"
    text = text.replace('!Sub "grail-packages-${AWS::AccountId}-${AWS::Region}"', bucket)
    name = f"bootstrap-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    options = {} if stack.exists else {"ImportExistingResources": True}
    changes = stack.propose(name, text, chosen, Capabilities=CAPABILITIES, Tags=tags(), **options)
    for change in (each["ResourceChange"] for each in changes):
        say(f"  {change['Action']} {change['LogicalResourceId']} ({kind_of(change)})")
    if changes and not yes:
        try:
            confirm(f"change {STACK} in account {account.number}", ask=ask)
        except TaskError:
            stack.discard(name)
            raise
    if not changes:
        stack.discard(name)
    elif not stack.execute(name):
        raise TaskError(f"{STACK} failed at {stack.first_failure()}")
    for key, value in sorted(stack.outputs.items()):
        say(f"  {key}: {value}")
    return stack.outputs


def foundation(account: Account) -> dict[str, str]:
    """Return the outputs of the stack; empty where there is none."""
    return Stack(account.client("cloudformation"), STACK).outputs
