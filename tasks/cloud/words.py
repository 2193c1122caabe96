"""CloudFormation in plain words: what a change set would do, and what a stack is doing."""

from collections.abc import Iterable, Sequence
from typing import Any

ACTIONS = {
    "Add": "make",
    "Modify": "change",
    "Remove": "REMOVE",
    "Import": "take over",
    "Dynamic": "decide on",
}
DONE = "_COMPLETE"
FAILED = "_FAILED"
WIDTH = 24


def describe(changes: Sequence[dict[str, Any]]) -> str:
    """Tell what a change set would do, the dangerous part first."""
    lines = sorted(_line(change["ResourceChange"]) for change in changes if "ResourceChange" in change)
    counts = {
        word: sum(line.strip().startswith(word) for line in lines)
        for word in ("make", "change", "REMOVE", "REPLACE")
    }
    total = ", ".join(f"{count} to {word.lower()}" for word, count in counts.items() if count)
    return "\n".join([*lines, f"{len(lines)} resources: {total}."])


def _line(change: dict[str, Any]) -> str:
    verb = "REPLACE" if change.get("Replacement") == "True" else ACTIONS[change["Action"]]
    if change.get("Replacement") == "Conditional":
        verb = "change, maybe replace"
    kind = change["ResourceType"].removeprefix("AWS::").replace("::", " ")
    parts = sorted(
        {each["Target"].get("Name") or each["Target"]["Attribute"] for each in change.get("Details", [])}
    )
    return f"  {verb} {change['LogicalResourceId']} ({kind})" + (f": {', '.join(parts)}" if parts else "")


def endangered(changes: Iterable[dict[str, Any]], kinds: Sequence[str]) -> list[str]:
    """List what holds data and would be removed or replaced."""
    found = [change["ResourceChange"] for change in changes if "ResourceChange" in change]
    return [
        change["LogicalResourceId"]
        for change in found
        if change["ResourceType"] in kinds
        and (change["Action"] == "Remove" or change.get("Replacement") in ("True", "Conditional"))
    ]


def progress(done: int, total: int) -> str:
    """Draw a progress bar."""
    filled = WIDTH * min(done, total) // max(total, 1)
    return f"[{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{total}"


def ending(status: str, stack: str, stage: str) -> str:
    """Tell how a stack ended up that did not get where it should."""
    known = {
        "ROLLBACK_COMPLETE": "was rolled back, nothing of it is left",
        "UPDATE_ROLLBACK_COMPLETE": "was rolled back, what ran before runs on",
        # A new table is protected at once, also against being taken back.
        "ROLLBACK_FAILED": "could not be rolled back, and something of it is left; "
        f"`invoke destroy --stage {stage} --delete-data` says what to do",
        "UPDATE_ROLLBACK_FAILED": "could not be rolled back; mend what its events name, then run: "
        f"aws cloudformation continue-update-rollback --stack-name {stack}",
    }
    return f"{known.get(status, 'did not get there')} ({status})."


def event_line(event: dict[str, Any]) -> str:
    """Tell of one event."""
    status = event["ResourceStatus"].replace("_", " ").lower()
    reason = event.get("ResourceStatusReason", "")
    told = f": {reason}" if reason and event["ResourceStatus"].endswith(FAILED) else ""
    return f"{event['Timestamp']:%H:%M:%S} {event['LogicalResourceId']} {status}{told}"


def is_own(event: dict[str, Any]) -> bool:
    """Tell whether an event is of the stack itself, not of one of its resources."""
    return bool(event["PhysicalResourceId"] == event["StackId"])


def first_failure(events: Iterable[dict[str, Any]]) -> str:
    """Name the resource that failed first, and why; what was cancelled for its sake is not meant."""
    for event in events:
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith(FAILED) and "cancelled" not in reason.lower():
            kind = event["ResourceType"].removeprefix("AWS::").replace("::", " ")
            return f"{event['LogicalResourceId']} ({kind}): {reason or 'no reason given'}"
    return "no resource; look at the stack's events"
