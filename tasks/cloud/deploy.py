"""`invoke deploy` and `invoke destroy`: one CloudFormation stack for each stage."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.settings import Settings
from tasks.cloud.account import FAULTS, Account
from tasks.cloud.bootstrap import foundation
from tasks.cloud.history import History, Record
from tasks.cloud.package import Package
from tasks.cloud.preflight import hints, obstacles
from tasks.cloud.stack import POLL_SECONDS, UNUSABLE, Stack
from tasks.cloud.trial import Trial
from tasks.console import confirm
from tasks.errors import TaskError
from tasks.processes import project_folder
from tasks.stages import PROTECTED, parameters_of, settings_of, tags

AT_ONCE = "AllAtOnce"
ROLLOUT = "DeploymentPreference"  # of a function, to SAM
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
    :param test: calls what was deployed, and returns what failed.
    :param examine: prints what an operator should know, and returns what keeps the stage from working.
    """

    stage: str
    account: Account
    ask: Callable[[str], str] | None = None
    say: Callable[[str], None] = print
    pause: float = POLL_SECONDS
    overrides: dict[str, str] = field(default_factory=dict)
    test: Callable[[Trial, str], str] = Trial.run
    examine: Callable[[Trial], str] = Trial.examine

    @property
    def stack(self) -> Stack:
        """The stage's stack."""
        return Stack(self.account.client("cloudformation"), f"grail-{self.stage}", self.pause)

    def deploy(self, package: Package, *, yes: bool = False, dry_run: bool = False) -> dict[str, str]:
        """Bring the stack to what the package says, test it, and return its outputs.

        :param yes: skip the confirmation.
        :param dry_run: show what would change in the stack, and stop.
        :raises TaskError: the deployment is impossible, or it failed and was taken back.
        """
        stack, parameters = self.stack, self.parameters()
        self.say(f"{stack.name} in account {self.account.number}, {self.account.region}")
        self._require_possible(parameters)
        record = Record(self.upload(package, parameters), parameters, package.digest)
        new = not stack.exists
        adopted = bool(new and self.account.table(f"grail-{self.stage}"))
        if adopted:
            self.say(f"The table grail-{self.stage} is there already: it becomes the stack's, with its data.")
        # A table that is protected at birth could not be rolled back with its stack.
        first = replace(record, parameters={**parameters, "DeletionProtection": "false"})
        done = self._change(first if new and not adopted else record, yes=yes, dry_run=dry_run)
        if dry_run:
            return {}
        # A run that ended before its test, for example with its credentials, is finished by the next one.
        if done or self.history.latest() != record:
            self._finish(record, new=new, protect=new and not adopted)
        return stack.outputs

    def _finish(self, record: Record, *, new: bool, protect: bool) -> None:
        """Test what was deployed, guard its data, and write the deployment down.

        :param protect: the table is new, and not protected yet.
        :raises TaskError: it does not work, and was taken back.
        """
        self._guard()
        self._require_working(self.test(self._trial, record.parameters["Build"]), new=new)
        if protect:
            self._change(record, yes=True, quiet=True)
        self._require_working(self.examine(self._trial), new=new)
        self.history.add(record)
        for key, value in sorted(self.stack.outputs.items()):
            self.say(f"  {key}: {value}")

    def _guard(self) -> None:
        """Have CloudFormation refuse what would lose data."""
        stack = self.stack
        stack.client.set_stack_policy(StackName=stack.name, StackPolicyBody=json.dumps(STACK_POLICY))
        if self.stage in PROTECTED:
            stack.client.update_termination_protection(EnableTerminationProtection=True, StackName=stack.name)

    def rollback(self, *, yes: bool = False) -> dict[str, str]:
        """Deploy what was deployed before, as it was but at once: template, code and parameters; and test it.

        :raises TaskError: nothing was, it failed, or it does not work.
        """
        latest, running = self.history.latest(), self.stack.parameters
        # What was cut off before its test is not written down: the latest that is, ran before it.
        written = latest is None or latest.parameters.items() <= running.items()
        record = self.history.before() if written else latest
        if record is None:
            raise TaskError(f"Nothing is known that {self.stack.name} ran before its present build.")
        self.say(f"{self.stack.name}: back to the build {record.parameters['Build']}, {record.digest[:12]}")
        self._change(self._at_once(record), yes=yes)
        if written:
            self.history.pop()
        reason = self.test(self._trial, record.parameters["Build"])
        if reason:
            raise TaskError(f"{self.stack.name} does not work with this build either: {reason}")
        return self.stack.outputs

    @property
    def _trial(self) -> Trial:
        return Trial(self.account, self.settings, self.stack, self.say)

    def _change(self, record: Record, *, yes: bool, dry_run: bool = False, quiet: bool = False) -> bool:
        """Change the stack, and return whether anything was changed."""

        def consent() -> bool:
            if dry_run:
                self.say("Nothing was changed.")
            elif not yes:
                confirm(
                    f"deploy {self.stack.name}", self.stage if self.stage in PROTECTED else "", ask=self.ask
                )
            return not dry_run

        options: dict[str, Any] = {"Tags": tags(stage=self.stage)}
        if role := foundation(self.account).get("ExecutionRole"):
            options["RoleARN"] = role
        say = (lambda _: None) if quiet else self.say
        return self.stack.change(record.template, record.parameters, consent, say, **options)

    def _require_possible(self, parameters: dict[str, str]) -> None:
        """Check what can be known before anything is uploaded.

        :raises TaskError: it would fail; the message lists every reason.
        """
        found = obstacles(self.account, self.settings, parameters, new=not self.stack.exists)
        if found:
            raise TaskError("\n- ".join(["Nothing was deployed:", *found]))
        for hint in hints(self.account, self.settings):
            self.say(hint)

    def _require_working(self, reason: str, *, new: bool) -> None:
        """Go back if the stage does not work.

        :param reason: why it does not; empty if it does.
        :raises TaskError: it does not.
        """
        if not reason:
            return
        before = self.history.latest()
        failed = f"{self.stack.name} does not work with this build: {reason}"
        if new or before is None:
            raise TaskError(f"{failed}\nThere is nothing to go back to: invoke doctor --stage {self.stage}")
        try:
            self._change(self._at_once(before), yes=True)
        except (TaskError, *FAULTS) as error:
            raise TaskError(f"{failed}\nIt could not go back either: {error}") from error
        raise TaskError(f"{failed}\nIt is back at the build {before.parameters['Build']}.")

    def upload(self, package: Package, parameters: dict[str, str]) -> str:
        """Upload code and template, and return the template's URL."""
        code = self.account.upload(package.code.read_bytes(), f"grail/code/{package.digest}.zip")
        filled = json.loads(package.template.read_text("utf-8"))
        for resource in filled["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = {"Bucket": self.account.bucket, "Key": code}
        publish(filled["Resources"]["APIHandler"]["Properties"], parameters)
        locate(filled["Resources"]["RestAPI"]["Properties"]["DefinitionBody"], parameters)
        return self._store(filled)

    def _store(self, template: dict[str, Any]) -> str:
        """Upload a template, and return its URL."""
        body = json.dumps(template, indent=1, sort_keys=True).encode()
        key = f"grail/{self.stage}/{hashlib.sha256(body).hexdigest()}.json"
        return self.account.address(self.account.upload(body, key))

    def _at_once(self, record: Record) -> Record:
        """Return a deployment without its rollout, since the build that it replaces does not work."""
        template = json.loads(self.account.read(record.template))
        template["Resources"]["APIHandler"]["Properties"].pop(ROLLOUT, None)
        return replace(record, template=self._store(template))

    def parameters(self) -> dict[str, str]:
        """Read the values of the stage's parameters, and name the build."""
        path = parameters_of(self.stage)
        chosen: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        made = foundation(self.account)
        given = {"PermissionsBoundary": made["Boundary"], "ApiGatewayLogRole": "exists"} if made else {}
        return {**chosen, **given, "Build": build_name(), **self.overrides}

    @property
    def settings(self) -> Settings:
        """The stage's settings, for the account's region."""
        return replace(settings_of(self.stage), region=self.account.region)

    @property
    def history(self) -> History:
        """What was deployed."""
        return History(self.account, self.stage)

    def destroy(self, *, yes: bool = False, delete_data: bool = False) -> None:
        """Delete the stack; the table only on request, and if it is not protected.

        :raises TaskError: something holds data, or is protected.
        """
        stack = self.stack
        found = stack.describe()
        if not (found or delete_data):  # the data may be all that is left
            raise TaskError(f"There is no {stack.name} in {self.account.region}.")
        table = stack.outputs.get("TableName", f"grail-{self.stage}")
        self._require_unprotected(found.get("StackStatus", ""), table, delete_data)
        if not yes:
            confirm(f"delete {stack.name}", stack.name, ask=self.ask)
        if found and not stack.delete():
            raise TaskError(f"{found['StackName']} could not be deleted: {stack.first_failure()}")
        if delete_data:
            self._delete_data(table)
        elif self.account.table(table):
            self.say(f"The table {table} stays, with its data: the next deployment of {self.stage} takes it.")

    def _delete_data(self, table: str) -> None:
        """Delete the table, which a first deployment that failed has not left, and what only it needs."""
        if self.account.table(table):
            self.account.client("dynamodb").delete_table(TableName=table)
        self.history.clear()
        kind, _, name = (self.settings.secrets or "").partition(":")
        if kind == "ssm":
            self.account.client("ssm").delete_parameters(Names=[name])
        self.say(f"The table {table}, the secrets and what is known of former deployments are deleted.")

    def _require_unprotected(self, status: str, table: str, delete_data: bool) -> None:
        found = self.account.table(table)
        if delete_data and found.get("DeletionProtectionEnabled"):
            raise TaskError(
                f"The table {table} is protected, and holds about {found.get('ItemCount', 0)} items. If "
                f"they may go: {self._unprotect(status, table)}, and destroy again."
            )

    def _unprotect(self, status: str, table: str) -> str:
        if status in UNUSABLE:  # nothing can be deployed to it
            return f"run aws dynamodb update-table --no-deletion-protection-enabled --table-name {table}"
        return f'set "DeletionProtection": "false" in infra/parameters/{self.stage}.json, deploy'


def publish(function: dict[str, Any], parameters: dict[str, str]) -> None:
    """Have a new version published whenever anything of a function changes, and roll it out.

    SAM looks at the code only, and at references instead of the parameters' values.
    """
    text = json.dumps([function, parameters], sort_keys=True)
    function["AutoPublishCodeSha256"] = hashlib.sha256(text.encode()).hexdigest()
    rollout = parameters.get("Rollout", AT_ONCE)
    if rollout != AT_ONCE:
        function[ROLLOUT] = {
            "Type": rollout,
            "Alarms": [{"Ref": "LiveErrorsAlarm"}],
            "Role": {"Fn::GetAtt": ["RolloutRole", "Arn"]},
        }


def locate(document: dict[str, Any], parameters: dict[str, str]) -> None:
    """Write into the document of the API where it is.

    SAM makes a new deployment of the gateway only where the text of the document changes, in which a domain
    is a reference: the gateway's own answers would keep the address of before.
    """
    document["info"]["description"] = f"At {parameters.get('DomainName') or 'its own address'}."


def build_name() -> str:
    """Return the name of the build: its commit, with "-dirty" where something is not committed."""
    command = ["git", "describe", "--always", "--dirty", "--tags"]
    done = subprocess.run(command, cwd=project_folder(), capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
