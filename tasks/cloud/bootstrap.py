"""`invoke bootstrap`: what an account needs once, as a stack of its own."""

from collections.abc import Callable

from tasks.cloud.account import Account
from tasks.cloud.stack import BOOTSTRAP, Stack
from tasks.console import confirm
from tasks.stages import INFRA, tags


def bootstrap(
    account: Account, parameters: dict[str, str], *, yes: bool = False, say: Callable[[str], None] = print
) -> dict[str, str]:
    """Create or update the stack, and return its outputs.

    :param parameters: those of infra/bootstrap.yaml; others, and empty ones, stay as they are.
    :raises TaskError: CloudFormation refuses it, or fails.
    """

    def consent() -> bool:
        if not yes:
            confirm(f"change {BOOTSTRAP} in account {account.number}")
        return True

    stack = Stack(account.client("cloudformation"), BOOTSTRAP)
    # Without this, whoever only updates the stack would remove the roles of the repository, and the budget.
    chosen = stack.parameters | {name: value for name, value in parameters.items() if value}
    text = (INFRA / "bootstrap.yaml").read_text("utf-8")
    # Static, so that CloudFormation can adopt the bucket that a deployment has made before.
    text = text.replace('!Sub "grail-packages-${AWS::AccountId}-${AWS::Region}"', account.bucket_name)
    stack.change(text, chosen, consent, say, Tags=tags())
    for key, value in sorted(stack.outputs.items()):
        say(f"  {key}: {value}")
    return stack.outputs


def foundation(account: Account) -> dict[str, str]:
    """Return the outputs of the stack; empty where there is none."""
    return Stack(account.client("cloudformation"), BOOTSTRAP).outputs
