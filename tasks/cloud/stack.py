"""One CloudFormation stack: change sets, their execution with its events, outputs, deletion."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tasks.cloud.words import is_own
from tasks.errors import TaskError

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]  # roles of its own; the SAM transform
POLL_SECONDS = 2.0
LONGEST_SECONDS = 3600
UNCHANGED = ("didn't contain changes", "No updates are to be performed")
ENDED = ("COMPLETE", "FAILED")
# What is left of a stack that could not be made, or not be deleted: only deleting helps.
UNUSABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


@dataclass
class Stack:
    """A stack by its name.

    :param client: of CloudFormation.
    :param pause: seconds between two looks at it.
    """

    client: Any
    name: str
    pause: float = POLL_SECONDS
    _seen: set[str] = field(default_factory=set)

    def describe(self) -> dict[str, Any]:
        """Give the stack as it stands; empty if there is none."""
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
        """Tell whether something has been deployed; a change set in review alone has deployed nothing."""
        return self.status not in ("", "REVIEW_IN_PROGRESS", "DELETE_COMPLETE")

    @property
    def outputs(self) -> dict[str, str]:
        """What the template gives out."""
        return {each["OutputKey"]: each["OutputValue"] for each in self.describe().get("Outputs", [])}

    def propose(self, name: str, template_url: str, parameters: dict[str, str]) -> list[dict[str, Any]]:
        """Make a change set and give its changes; none if nothing would change.

        :raises TaskError: CloudFormation refuses it, or the stack is stuck.
        """
        self._require_usable()
        self.client.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType="UPDATE" if self.exists else "CREATE",
            TemplateURL=template_url,
            Parameters=[{"ParameterKey": key, "ParameterValue": text} for key, text in parameters.items()],
            Capabilities=CAPABILITIES,
        )
        found = self._wait_for(name)
        if found["Status"] == "FAILED":
            reason = found.get("StatusReason", "")
            if any(text in reason for text in UNCHANGED):
                return []
            raise TaskError(f"CloudFormation refuses the change: {reason}")
        return list(self._changes(name))

    def _require_usable(self) -> None:
        status = self.status
        if status in UNUSABLE:
            raise TaskError(
                f"{self.name} is {status}, and nothing can be deployed over what is left: "
                "`invoke destroy` first."
            )
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            raise TaskError(f"{self.name} is busy ({status}): wait until that is done.")

    def _wait_for(self, change_set: str) -> dict[str, Any]:
        deadline = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.client.describe_change_set(
                StackName=self.name, ChangeSetName=change_set
            )
            if found["Status"].endswith(ENDED):
                return found
            time.sleep(self.pause)
        raise TaskError(f"CloudFormation did not finish the change set {change_set}.")

    def _changes(self, change_set: str) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page = self.client.describe_change_set(StackName=self.name, ChangeSetName=change_set, **token)
            yield from page["Changes"]
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def discard(self, change_set: str) -> None:
        """Drop a change set, and the empty stack that it may have made."""
        self.client.delete_change_set(StackName=self.name, ChangeSetName=change_set)
        if self.status == "REVIEW_IN_PROGRESS":
            self.client.delete_stack(StackName=self.name)

    def execute(self, change_set: str, report: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
        """Carry a change set out, reporting each event, and give all of them; the last tells how it went."""
        list(self._new_events())
        self.client.execute_change_set(StackName=self.name, ChangeSetName=change_set)
        return self._follow(report)

    def delete(self, report: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
        """Delete the stack, reporting each event; what is retained stays."""
        identity = self.describe()["StackId"]
        list(self._new_events())
        self.client.delete_stack(StackName=self.name)
        self.name = identity  # a stack that is gone is found by its id alone
        return self._follow(report)

    def _follow(self, report: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
        deadline = time.monotonic() + LONGEST_SECONDS
        told: list[dict[str, Any]] = []
        while time.monotonic() < deadline:
            for event in self._new_events():
                told.append(event)
                report(event)
                if is_own(event) and event["ResourceStatus"].endswith(ENDED):
                    return told
            time.sleep(self.pause)
        raise TaskError(f"{self.name} is not done after {LONGEST_SECONDS} s: look at its events.")

    def _new_events(self) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=self.name)
        try:
            events = [event for page in pages for event in page["StackEvents"]]
        except ClientError:
            return  # there is no stack yet, or not any more
        for event in reversed(events):
            if event["EventId"] not in self._seen:
                self._seen.add(event["EventId"])
                yield event
