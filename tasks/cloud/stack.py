"""One CloudFormation stack: its change sets, their execution, outputs, and deletion."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from tasks.errors import TaskError
from tasks.processes import LOOPBACK

CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]  # roles of its own; the SAM transform
POLL_SECONDS = 2.0
MAX_SECONDS = 3 * 3600  # the slowest rollout takes 90 minutes
TOO_LONG = "Max attempts exceeded"  # what botocore says
SUCCESS = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
UNCHANGED = ("didn't contain changes", "No updates are to be performed")
BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
ABSENT = "ValidationError"  # what CloudFormation answers about a stack that is not there
# What to do about reasons that AWS gives, by words in them.
REMEDIES = {
    "already exists": "another stack or `chalice deploy` left it: delete it there, and deploy again",
    "not authorized": "the role that CloudFormation uses may not do that: `invoke bootstrap` updates it",
    "CloudWatch Logs role": 'set "ApiGatewayLogRole": "create" in infra/parameters, and deploy again',
    "UnreservedConcurrentExecution": "lower MaxConcurrency, or have the quota raised (Service Quotas)",
    "LimitExceeded": "a quota of the account is used up: have it raised (Service Quotas), and deploy again",
    "Rate exceeded": "AWS was busy: deploy again",
}
# A stack that could not be created or deleted: it can only be deleted.
UNUSABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
BOOTSTRAP = "grail-bootstrap"  # the stack of the account, which `invoke destroy` does not know


@dataclass
class Stack:
    """A stack by its name.

    :param client: of CloudFormation.
    :param pause: seconds between two looks at it.
    """

    client: Any
    name: str
    pause: float = POLL_SECONDS

    def describe(self) -> dict[str, Any]:
        """Return the stack as it stands; empty if there is none."""
        try:
            found: list[dict[str, Any]] = self.client.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return {}
            raise
        return found[0] if found else {}

    @property
    def status(self) -> str:
        """The status, such as UPDATE_COMPLETE; empty if there is no stack."""
        return str(self.describe().get("StackStatus", ""))

    @property
    def exists(self) -> bool:
        """Whether something has been deployed; with only a change set in review, nothing has."""
        return self.status not in ("", "REVIEW_IN_PROGRESS", "DELETE_COMPLETE")

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the template, by their names."""
        return {each["OutputKey"]: each["OutputValue"] for each in self.describe().get("Outputs", [])}

    @property
    def parameters(self) -> dict[str, str]:
        """The values of its parameters, by their names."""
        return {
            each["ParameterKey"]: each["ParameterValue"] for each in self.describe().get("Parameters", [])
        }

    def resources(self, kind: str) -> list[str]:
        """Return the names of the resources of a type, such as AWS::SNS::Topic."""
        pages = self.client.get_paginator("list_stack_resources").paginate(StackName=self.name)
        found = [each for page in pages for each in page["StackResourceSummaries"]]
        return sorted(each["PhysicalResourceId"] for each in found if each["ResourceType"] == kind)

    def url(self, stage: str) -> str:
        """Return where the API answers: on a cloud of this machine, the gateway's own address."""
        cloud, outputs = str(self.client.meta.endpoint_url), self.outputs
        if LOOPBACK in cloud and "RestAPIId" in outputs:
            return f"{cloud}/_aws/execute-api/{outputs['RestAPIId']}/{stage}"
        return outputs.get("URL", "")

    def reach(self, stage: str) -> tuple[str, str]:
        """Return where to test the API, and the domain to ask for there; empty for none.

        A domain is reached by what its DNS record has to point to: whoever adds one learns that only from
        the deployment, and caches keep the record of before.
        """
        outputs = self.outputs
        target = outputs.get("DomainTarget")
        if target and LOOPBACK not in self.client.meta.endpoint_url:
            return f"https://{target}", str(urlsplit(outputs["URL"]).hostname)
        return self.url(stage), ""

    def change(
        self,
        template: str,
        parameters: dict[str, str],
        consent: Callable[[], bool],
        say: Callable[[str], None] = print,
        **options: Any,
    ) -> bool:
        """Propose a change, show it, and make it; return whether anything was changed.

        :param template: its URL, or the text itself.
        :param consent: returns whether to go on, once the change is shown; not asked where nothing changes.
        :param options: further arguments of CreateChangeSet.
        :raises TaskError: CloudFormation refuses it, or fails.
        """
        name = f"change-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
        changes = self.propose(name, template, parameters, **options)
        for line in sorted(_line(each["ResourceChange"]) for each in changes if "ResourceChange" in each):
            say(line)
        if not changes:
            say("Nothing changes.")
        agreed = False
        try:
            agreed = bool(changes) and consent()
        finally:
            if not agreed:
                self.discard(name)
        if agreed:
            say("This takes some minutes …")
            if not self.execute(name):
                raise TaskError(
                    f"{self.name} {ending(self.status, self.name)}\nIt failed at {self.first_failure()}"
                )
        return agreed

    def propose(
        self, name: str, template: str, parameters: dict[str, str], **options: Any
    ) -> list[dict[str, Any]]:
        """Create a change set and return its changes; none if nothing would change.

        :raises TaskError: CloudFormation refuses it, or the stack is stuck.
        """
        self._require_usable()
        place = {"StackName": self.name, "ChangeSetName": name}
        # A new stack adopts what was there before it, such as the table that a destroyed one has left.
        kind: dict[str, Any] = {"ChangeSetType": "UPDATE"}
        if not self.exists:
            kind = {"ChangeSetType": "CREATE", "ImportExistingResources": True}
        given = {
            "TemplateURL" if template.startswith("http") else "TemplateBody": template,
            "Parameters": [{"ParameterKey": key, "ParameterValue": text} for key, text in parameters.items()],
            "Capabilities": CAPABILITIES,
        }
        self.client.create_change_set(**place, **kind, **given, **options)
        try:
            self._wait("change_set_create_complete", **place)
        except WaiterError as error:
            reason = str(error.last_response.get("StatusReason") or error)
            if any(text in reason for text in UNCHANGED):
                return []
            reason = self._early_failures(name) or reason
            self.discard(name)
            raise TaskError(f"CloudFormation refuses the change: {reason}") from error
        pages = self.client.get_paginator("describe_change_set").paginate(**place)
        return [change for page in pages for change in page["Changes"]]

    def _early_failures(self, change_set: str) -> str:
        """Return what CloudFormation found wrong before it changed anything; only these events name it."""
        try:
            pages = self.client.get_paginator("describe_events").paginate(
                StackName=self.name, ChangeSetName=change_set, Filters={"FailedEvents": True}
            )
            events = [event for page in pages for event in page["OperationEvents"]]
        except ClientError:  # an older endpoint, or no permission: the general reason has to do
            return ""
        return "; ".join(map(_told, (event for event in events if "LogicalResourceId" in event)))

    def _require_usable(self) -> None:
        status = self.status
        if status in UNUSABLE:
            command = _deletion(self.name) if self.name == BOOTSTRAP else "invoke destroy"
            raise TaskError(f"{self.name} is {status}, and can only be deleted: run `{command}` first.")
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            raise TaskError(f"{self.name} is busy ({status}): wait until that is done.")

    def _wait(self, condition: str, **place: str) -> None:
        """Wait until CloudFormation is done.

        :raises WaiterError: it failed.
        :raises TaskError: nobody can tell: it takes hours, or the credentials have expired, for example.
        """
        attempts = {"Delay": self.pause, "MaxAttempts": int(MAX_SECONDS / self.pause)}
        try:
            self.client.get_waiter(condition).wait(**place, WaiterConfig=attempts)
        except WaiterError as error:
            if TOO_LONG in str(error):
                raise self._lost(f"not done after {MAX_SECONDS / 3600:.0f} hours") from error
            answer = error.last_response.get("Error", {})
            if answer.get("Code", ABSENT) != ABSENT:
                raise self._lost(f"{answer['Code']}: {answer.get('Message', '')}") from error
            raise
        except BotoCoreError as error:
            raise self._lost(str(error)) from error

    def _lost(self, reason: str) -> TaskError:
        return TaskError(
            f"{self.name} cannot be followed any longer ({reason}). CloudFormation goes on: renew the "
            "credentials, wait until the stack is not busy, and run this again; it does what is left."
        )

    def discard(self, change_set: str) -> None:
        """Delete a change set, and the empty stack that it may have made."""
        self.client.delete_change_set(StackName=self.name, ChangeSetName=change_set)
        if self.status == "REVIEW_IN_PROGRESS":
            self.client.delete_stack(StackName=self.name)

    def execute(self, change_set: str) -> bool:
        """Execute a change set, wait for its end, and return whether it succeeded."""
        kind = "update" if self.exists else "create"
        self.client.execute_change_set(StackName=self.name, ChangeSetName=change_set)
        try:
            self._wait(f"stack_{kind}_complete", StackName=self.name)
        except WaiterError:
            return False
        return self.status in SUCCESS

    def delete(self) -> bool:
        """Delete the stack, except what is retained, and return whether that succeeded."""
        self.name = self.describe()["StackId"]  # a stack that is gone is found only by its id
        self.client.delete_stack(StackName=self.name)
        try:
            self._wait("stack_delete_complete", StackName=self.name)
        except WaiterError:
            return False
        return True

    def first_failure(self) -> str:
        """Return which resource failed first in the latest operation, and why."""
        found = "no resource; look at the stack's events"
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=self.name)
        for event in (event for page in pages for event in page["StackEvents"]):  # the latest first
            status, reason = event["ResourceStatus"], event.get("ResourceStatusReason", "")
            if event["PhysicalResourceId"] == event["StackId"]:
                if status in BEGINNINGS:
                    break
            elif status.endswith("_FAILED") and "cancelled" not in reason.lower():
                found = f"{event['LogicalResourceId']} ({kind_of(event)}): {_with_remedy(reason)}"
        return found


def _line(change: dict[str, Any]) -> str:
    """Return a line about a resource that a change set would change."""
    verbs = {"True": "REPLACE", "Conditional": "Modify, maybe replace"}
    verb = verbs.get(change.get("Replacement", ""), change["Action"])
    targets = [each["Target"] for each in change.get("Details", [])]
    parts = ", ".join(sorted({target.get("Name") or target["Attribute"] for target in targets}))
    return f"  {verb} {change['LogicalResourceId']} ({kind_of(change)})" + (f": {parts}" if parts else "")


def ending(status: str, stack: str) -> str:
    """Return the outcome of a failed deployment, with what to do."""
    known = {
        "ROLLBACK_COMPLETE": "was rolled back, nothing of it is left",
        "UPDATE_ROLLBACK_COMPLETE": "was rolled back, the previous version keeps running",
        # A new table is protected at once, also against being rolled back.
        "ROLLBACK_FAILED": "could not be rolled back, and something of it is left; "
        f"`{_deletion(stack)}` {'deletes it' if stack == BOOTSTRAP else 'shows what to do'}",
        "UPDATE_ROLLBACK_FAILED": "could not be rolled back; repair what its events name, then run: "
        f"aws cloudformation continue-update-rollback --stack-name {stack}",
    }
    return f"{known.get(status, 'did not get there')} ({status})."


def _deletion(stack: str) -> str:
    if stack == BOOTSTRAP:
        return f"aws cloudformation delete-stack --stack-name {stack}"
    return f"invoke destroy --stage {stack.removeprefix('grail-')} --delete-data"


def _told(event: dict[str, Any]) -> str:
    """Return what early validation says about a resource, and what to do about it."""
    reason = event.get("ValidationStatusReason") or event.get("ResourceStatusReason", "")
    return f"{event['LogicalResourceId']} ({event.get('PhysicalResourceId', '')}): {_with_remedy(reason)}"


def _with_remedy(reason: str) -> str:
    remedy = next((f" - {REMEDIES[words]}" for words in REMEDIES if words in reason), "")
    return f"{reason or 'no reason given'}{remedy}"


def kind_of(resource: dict[str, Any]) -> str:
    """Return the type of a resource in a change set or an event, such as DynamoDB Table."""
    return str(resource["ResourceType"].removeprefix("AWS::").replace("::", " "))
