"""RFC 7396: a JSON Merge Patch, reduced to the operations of a JSON Patch that mean the same."""

from collections.abc import Iterator, Mapping
from typing import Any

CONFIRMATION = "current_password"  # a member that is tested, and not merged


def merge(target: Any, patch: Any) -> Any:
    """Return what a patch makes of a document (RFC 7396 §2); neither is changed."""
    if not isinstance(patch, dict):
        return patch
    kept = target if isinstance(target, dict) else {}
    merged = {name: value for name, value in kept.items() if name not in patch}
    return merged | {name: merge(kept.get(name), value) for name, value in patch.items() if value is not None}


def operations_of(view: Mapping[str, Any], patch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the operations that do to an object what a patch does, the confirmation first.

    Removing what is not there is an operation, too, so that the policy judges it.
    """
    found = list(_operations(view, patch))
    return sorted(found, key=lambda entry: entry["op"] != "test")


def _operations(view: Mapping[str, Any], patch: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in patch.items():
        path = "/" + name.replace("~", "~0").replace("/", "~1")
        if name == CONFIRMATION:
            yield {"op": "test", "path": path, "value": value}
        elif value is None:
            yield {"op": "remove", "path": path}
        else:
            yield {"op": "add", "path": path, "value": merge(view.get(name), value)}
