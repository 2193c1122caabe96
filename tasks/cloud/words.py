"""CloudFormation in plain words: what a change set would do, and how an operation ended."""

from collections.abc import Iterable, Sequence
from typing import Any


def describe(changes: Sequence[dict[str, Any]]) -> str:
    """Return a line for each resource that a change set would change."""
    return "\n".join(
        sorted(_line(change["ResourceChange"]) for change in changes if "ResourceChange" in change)
    )


def _line(change: dict[str, Any]) -> str:
    verbs = {"True": "REPLACE", "Conditional": "Modify, maybe replace"}
    verb = verbs.get(change.get("Replacement", ""), change["Action"])
    kind = change["ResourceType"].removeprefix("AWS::").replace("::", " ")
    targets = [each["Target"] for each in change.get("Details", [])]
    parts = sorted({target.get("Name") or target["Attribute"] for target in targets})
    return f"  {verb} {change['LogicalResourceId']} ({kind})" + (f": {', '.join(parts)}" if parts else "")


def endangered(changes: Iterable[dict[str, Any]], kinds: Sequence[str]) -> list[str]:
    """Return the resources of some kinds that would be removed or replaced."""
    found = [change["ResourceChange"] for change in changes if "ResourceChange" in change]
    return [
        change["LogicalResourceId"]
        for change in found
        if change["ResourceType"] in kinds
        and (change["Action"] == "Remove" or change.get("Replacement") in ("True", "Conditional"))
    ]


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
