"""What the doctor says of resources that differ from the template; AWS's own client, prepared answers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.session import Session
from botocore.stub import Stubber

from chalicelib.settings import Settings
from tasks.cloud.stack import Stack
from tasks.doctor import drift
from tasks.doctor.report import GOOD, LOOK, WRONG, Finding, Subject

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IDS = {"StackId": "stack", "StackDriftDetectionId": "1", "Timestamp": NOW}


class Prepared(Subject):
    """A stage whose CloudFormation gives prepared answers."""

    def __init__(self, client: Any) -> None:
        super().__init__(Settings(stage="dev"), Session())
        self.stack = Stack(client, "grail-dev")

    def client(self, service: str) -> Any:
        """Return the client."""
        return self.stack.client


def differing(resource: str, status: str, *paths: str) -> dict[str, Any]:
    """A resource that is not as the template has it."""
    values = {"ExpectedValue": "1", "ActualValue": "2", "DifferenceType": "NOT_EQUAL"}
    return {
        "StackId": "stack",
        "LogicalResourceId": resource,
        "ResourceType": "AWS::Lambda::Function",
        "StackResourceDriftStatus": status,
        "PropertyDifferences": [{"PropertyPath": path, **values} for path in paths],
        "Timestamp": NOW,
    }


def look(monkeypatch: pytest.MonkeyPatch, states: list[str], *drifts: dict[str, Any]) -> list[Finding]:
    """Compare, with answers in this order."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = Session().create_client("cloudformation", "eu-central-1")
    with Stubber(client) as aws:
        aws.add_response("detect_stack_drift", {"StackDriftDetectionId": "1"}, {"StackName": "grail-dev"})
        for state in states:
            answer = {**IDS, "DetectionStatus": state, "DetectionStatusReason": "no right to look"}
            aws.add_response("describe_stack_drift_detection_status", answer)
        if states[-1] != drift.BUSY:
            aws.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": list(drifts)})
        found = list(drift.check_drift(Prepared(client), pause=0))
        aws.assert_no_pending_responses()
    return found


def test_a_stage_as_its_template_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudFormation is asked until it is done."""
    (finding,) = look(monkeypatch, [drift.BUSY, drift.BUSY, drift.COMPLETE])
    assert finding.level == GOOD


def test_what_was_changed_by_hand_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deleted resource is wrong; a changed one is for the operator to judge."""
    changed = differing("APIHandler", "MODIFIED", "/MemorySize", "/Environment/Variables/LOG_LEVEL")
    found = look(monkeypatch, [drift.COMPLETE], changed, differing("Alarm", "DELETED"))
    assert [(finding.level, finding.text) for finding in found] == [
        (LOOK, "APIHandler (Lambda Function) was changed: Environment/Variables/LOG_LEVEL, MemorySize"),
        (WRONG, "Alarm (Lambda Function) was deleted"),
    ]


def test_what_could_not_be_compared_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason; the others are compared nevertheless."""
    found = look(monkeypatch, ["DETECTION_FAILED"], differing("Alarm", "DELETED"))
    assert [finding.level for finding in found] == [LOOK, WRONG]
    assert found[0].text == "some resources could not be compared: no right to look"


def test_the_doctor_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison goes on without it."""
    monkeypatch.setattr(drift, "MAX_SECONDS", -1)
    (finding,) = look(monkeypatch, [drift.BUSY])
    assert (finding.level, finding.advice) == (LOOK, "Run the doctor again later.")
