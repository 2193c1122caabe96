"""`invoke deploy` and `invoke destroy`: one CloudFormation stack for each stage."""

import hashlib
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tasks.cloud.account import Account
from tasks.cloud.package import Package
from tasks.cloud.stack import POLL_SECONDS, UNUSABLE, Stack, kind_of
from tasks.console import confirm
from tasks.errors import TaskError
from tasks.processes import project_folder
from tasks.stages import PROTECTED, parameters_of

ANYTHING = {"Principal": "*", "Resource": "*"}
# CloudFormation itself refuses what would lose data, whoever updates the stack.
STACK_POLICY: dict[str, Any] = {
    "Statement": [
        {"Effect": "Allow", "Action": "Update:*", **ANYTHING},
        {
            "Effect": "Deny",
            "Action": ["Update:Replace", "Update:Delete"],
            **ANYTHING,
            "Condition": {"StringEquals": {"ResourceType": ["AWS::DynamoDB::Table"]}},
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
        for line in sorted(_line(each["ResourceChange"]) for each in changes if "ResourceChange" in each):
            self.say(line)
        if dry_run:
            stack.discard(name)
            self.say("Nothing was changed.")
            return {}
        if not yes:
            self._require_consent(stack, name)
        self._carry_out(stack, name)
        for key, value in sorted(stack.outputs.items()):
            self.say(f"  {key}: {value}")
        return stack.outputs

    def _carry_out(self, stack: Stack, name: str) -> None:
        self.say("This takes some minutes …")
        if not stack.execute(name):
            raise TaskError(
                f"{stack.name} {ending(stack.status, stack.name, self.stage)}\n"
                f"It failed at {stack.first_failure()}"
            )
        stack.client.set_stack_policy(StackName=stack.name, StackPolicyBody=json.dumps(STACK_POLICY))
        if self.stage in PROTECTED:
            stack.client.update_termination_protection(EnableTerminationProtection=True, StackName=stack.name)

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
        self._require_unprotected(found["StackStatus"], table, delete_data)
        if not yes:
            confirm(f"delete {stack.name}", stack.name, ask=self.ask)
        if not stack.delete():
            raise TaskError(f"{found['StackName']} could not be deleted: {stack.first_failure()}")
        if delete_data and self._table(table):
            self.account.client("dynamodb").delete_table(TableName=table)
            self.say(f"The table {table} is deleted.")

    def _require_unprotected(self, status: str, table: str, delete_data: bool) -> None:
        found = self._table(table)
        if found.get("DeletionProtectionEnabled"):
            raise TaskError(
                f"The table {table} is protected, and holds about {found.get('ItemCount', 0)} items. If "
                f"they may go: {self._unprotect(status, table)}, and destroy again."
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


def _line(change: dict[str, Any]) -> str:
    """Return a line about a resource that a change set would change."""
    verbs = {"True": "REPLACE", "Conditional": "Modify, maybe replace"}
    verb = verbs.get(change.get("Replacement", ""), change["Action"])
    targets = [each["Target"] for each in change.get("Details", [])]
    parts = ", ".join(sorted({target.get("Name") or target["Attribute"] for target in targets}))
    return f"  {verb} {change['LogicalResourceId']} ({kind_of(change)})" + (f": {parts}" if parts else "")


def ending(status: str, stack: str, stage: str) -> str:
    """Return the outcome of a failed deployment."""
    known = {
        "ROLLBACK_COMPLETE": "was rolled back, nothing of it is left",
        "UPDATE_ROLLBACK_COMPLETE": "was rolled back, the previous version keeps running",
        # A new table is protected at once, also against being rolled back.
        "ROLLBACK_FAILED": "could not be rolled back, and something of it is left; "
        f"`invoke destroy --stage {stage} --delete-data` shows what to do",
        "UPDATE_ROLLBACK_FAILED": "could not be rolled back; repair what its events name, then run: "
        f"aws cloudformation continue-update-rollback --stack-name {stack}",
    }
    return f"{known.get(status, 'did not get there')} ({status})."


def build_name() -> str:
    """Return the name of the build: its commit, with "-dirty" where something is not committed."""
    command = ["git", "describe", "--always", "--dirty", "--tags"]
    done = subprocess.run(command, cwd=project_folder(), capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
