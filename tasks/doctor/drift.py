"""What was changed past CloudFormation: resources that differ from the stack's template."""

import time
from collections.abc import Iterator
from typing import Any

from tasks.cloud.stack import POLL_SECONDS, kind_of
from tasks.doctor.report import GOOD, LOOK, WRONG, Finding, Subject

MAX_SECONDS = 180.0  # CloudFormation asks each service about its resources
BUSY, COMPLETE = "DETECTION_IN_PROGRESS", "DETECTION_COMPLETE"
UNDO = "Undo it by hand, or write it into infra/: a deployment only changes what changes in the template."


def check_drift(subject: Subject, pause: float = POLL_SECONDS) -> Iterator[Finding]:
    """Compare the resources with the template, which takes CloudFormation up to some minutes.

    :param pause: seconds between two looks.
    """
    client, place = subject.client("cloudformation"), {"StackName": subject.stack.name}
    answer = _await(client, client.detect_stack_drift(**place)["StackDriftDetectionId"], pause)
    if answer["DetectionStatus"] == BUSY:
        yield Finding(LOOK, "CloudFormation has not compared everything yet", "Run the doctor again later.")
        return
    if answer["DetectionStatus"] != COMPLETE:
        reason = answer.get("DetectionStatusReason", "no reason given")
        yield Finding(LOOK, f"some resources could not be compared: {reason}", "Follow the message.")
    drifts = list(_drifts(client, place))
    yield from map(_finding, drifts)
    if not drifts:
        yield Finding(GOOD, "nothing was changed past CloudFormation")


def _await(client: Any, detection: str, pause: float) -> dict[str, Any]:
    """Return the state of a comparison once it is done, or when it takes too long."""
    deadline = time.monotonic() + MAX_SECONDS
    while True:
        answer: dict[str, Any] = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if answer["DetectionStatus"] != BUSY or time.monotonic() > deadline:
            return answer
        time.sleep(pause)


def _drifts(client: Any, place: dict[str, str]) -> Iterator[dict[str, Any]]:
    """List the resources that differ; botocore has no pages of them."""
    page: dict[str, Any] = {"NextToken": ""}
    while "NextToken" in page:
        token = {"NextToken": page["NextToken"]} if page["NextToken"] else {}
        page = client.describe_stack_resource_drifts(
            **place, StackResourceDriftStatusFilters=["DELETED", "MODIFIED"], **token
        )
        yield from page["StackResourceDrifts"]


def _finding(drift: dict[str, Any]) -> Finding:
    what = f"{drift['LogicalResourceId']} ({kind_of(drift)})"
    if drift["StackResourceDriftStatus"] == "DELETED":
        return Finding(WRONG, f"{what} was deleted", UNDO)
    paths = sorted({each["PropertyPath"].lstrip("/") for each in drift.get("PropertyDifferences", [])})
    return Finding(LOOK, f"{what} was changed: {', '.join(paths)}", UNDO)
