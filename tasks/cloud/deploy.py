"""`invoke deploy` and `invoke destroy`: one CloudFormation stack for each stage."""

import hashlib
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tasks.cloud import words
from tasks.cloud.account import Account
from tasks.cloud.package import Package
from tasks.cloud.stack import POLL_SECONDS, UNUSABLE, Stack
from tasks.console import confirm
from tasks.errors import TaskError
from tasks.processes import project_folder
from tasks.stages import PROTECTED, parameters_of

DATA = ("AWS::DynamoDB::Table",)
ANYTHING = {"Principal": "*", "Resource": "*"}
# CloudFormation itself refuses what would lose data, whoever updates the stack.
STACK_POLICY = {
    "Statement": [
        {"Effect": "Allow", "Action": "Update:*", **ANYTHING},
        {
            "Effect": "Deny",
            "Action": ["Update:Replace", "Update:Delete"],
            **ANYTHING,
            "Condition": {"StringEquals": {"ResourceType": list(DATA)}},
        },
    ]
}


@dataclass
class Deployment:
    """A stage in an account.

    :param ask: puts a question to the user and returns the answer; by default `input`.
    :param say: prints a line.
    :param pause: seconds between two looks at the stack.
    :param overrides: values of parameters, beyond those in infra/parameters.
    """

    stage: str
    account: Account
    ask: Callable[[str], str] | None = None
    say: Callable[[str], None] = print
    pause: float = POLL_SECONDS
    overrides: dict[str, str] = field(default_factory=dict)

    @property
    def stack(self) -> Stack:
        """The stage's stack."""
        return Stack(self.account.client("cloudformation"), f"grail-{self.stage}", self.pause)

    def deploy(self, package: Package, *, yes: bool = False, dry_run: bool = False) -> dict[str, str]:
        """Bring the stack to what the package says, and return its outputs.

        :param yes: skip the confirmation.
        :param dry_run: show what would change, and change nothing.
        :raises TaskError: the deployment is impossible, or CloudFormation rolled it back.
        """
        stack = self.stack
        self.say(f"{stack.name} in account {self.account.number}, {self.account.region}")
        url = self.upload(package)
        name = f"deploy-{time.strftime('%Y%m%d-%H%M%S')}"
        changes = stack.propose(name, url, self.parameters())
        if not changes:
            self.say("Nothing changes.")
            stack.discard(name)
            return stack.outputs
        self.say(words.describe(changes))
        self._require_safe(stack, name, changes)
        if dry_run:
            stack.discard(name)
            self.say("Nothing was changed.")
            return {}
        if not yes:
            self._require_consent(stack, name)
        return self._carry_out(stack, name)

    def _require_safe(self, stack: Stack, name: str, changes: list[dict[str, Any]]) -> None:
        lost = words.endangered(changes, DATA)
        if lost:
            stack.discard(name)  # so that it cannot be executed by hand
            raise TaskError(
                f"This would replace or remove {', '.join(lost)}: the data would remain "
                "in an unused table. Undo the change in infra/table.yaml, or move the data first."
            )

    def _carry_out(self, stack: Stack, name: str) -> dict[str, str]:
        self.say("This takes some minutes …")
        if not stack.execute(name):
            raise TaskError(
                f"{stack.name} {words.ending(stack.status, stack.name, self.stage)}\n"
                f"It failed at {stack.first_failure()}"
            )
        stack.client.set_stack_policy(StackName=stack.name, StackPolicyBody=json.dumps(STACK_POLICY))
        if self.stage in PROTECTED:
            stack.client.update_termination_protection(EnableTerminationProtection=True, StackName=stack.name)
        outputs = stack.outputs
        for key in sorted(outputs):
            self.say(f"  {key}: {outputs[key]}")
        return outputs

    def upload(self, package: Package) -> str:
        """Upload code and template, and return the template's URL."""
        code = self.account.upload(package.code, f"grail/{self.stage}/{package.digest}.zip")
        filled = json.loads(package.template.read_text("utf-8"))
        for resource in filled["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = {"Bucket": self.account.bucket, "Key": code}
        path = package.template.with_name("deployed.json")
        path.write_text(json.dumps(filled, indent=1, sort_keys=True), "utf-8")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return self.account.address(self.account.upload(path, f"grail/{self.stage}/{digest}.json"))

    def parameters(self) -> dict[str, str]:
        """Read the values of the stage's parameters, and name the build."""
        path = parameters_of(self.stage)
        chosen: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return {**chosen, "Build": build_name(), **self.overrides}

    def _require_consent(self, stack: Stack, change: str) -> None:
        try:
            confirm(f"deploy {stack.name}", self.stage if self.stage in PROTECTED else "", ask=self.ask)
        except TaskError:
            stack.discard(change)
            raise

    def destroy(self, *, yes: bool = False, delete_data: bool = False) -> None:
        """Delete the stack; the table only on request, and if it is not protected.

        :raises TaskError: something holds data, or is protected.
        """
        stack = self.stack
        found = stack.describe()
        if not found:
            raise TaskError(f"There is no {stack.name} in {self.account.region}.")
        table = stack.outputs.get("TableName", f"grail-{self.stage}")
        self._require_unprotected(found, table, delete_data)
        if not yes:
            confirm(f"delete {stack.name}", stack.name, ask=self.ask)
        if not stack.delete():
            raise TaskError(f"{found['StackName']} could not be deleted: {stack.first_failure()}")
        if delete_data and self._table(table):
            self.account.client("dynamodb").delete_table(TableName=table)
            self.say(f"The table {table} is deleted.")

    def _require_unprotected(self, stack: dict[str, Any], table: str, delete_data: bool) -> None:
        if stack.get("EnableTerminationProtection"):
            raise TaskError(
                f"{stack['StackName']} is protected against deletion. If you mean it, run first: aws "
                "cloudformation update-termination-protection --no-enable-termination-protection "
                f"--stack-name {stack['StackName']}"
            )
        found = self._table(table)
        if found.get("DeletionProtectionEnabled"):
            raise TaskError(
                f"The table {table} is protected, and holds about {found.get('ItemCount', 0)} items. If "
                f"they may go: {self._unprotect(stack['StackStatus'], table)}, and destroy again."
            )
        if found and not delete_data:
            raise TaskError(
                f"The table {table} would remain, and a new stack could not take its name. Pass "
                "--delete-data to delete it as well; to keep its data, run first: aws dynamodb create-backup."
            )

    def _unprotect(self, status: str, table: str) -> str:
        if status in UNUSABLE:  # nothing can be deployed to it
            return f"run aws dynamodb update-table --no-deletion-protection-enabled --table-name {table}"
        return f'set "DeletionProtection": "false" in infra/parameters/{self.stage}.json, deploy'

    def _table(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.account.client("dynamodb").describe_table(TableName=name)["Table"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return {}
            raise
        return found


def build_name() -> str:
    """Return the name of the build: its commit, with "-dirty" where something is not committed."""
    command = ["git", "describe", "--always", "--dirty", "--tags"]
    done = subprocess.run(command, cwd=project_folder(), capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
