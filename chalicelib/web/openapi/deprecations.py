"""Deprecated operations in the document."""

from collections.abc import Mapping
from typing import Any

from chalicelib.web.operation import Deprecation, Operation

Operations = Mapping[str, Mapping[str, Operation]]


def mark_deprecated(operations: Operations, document: dict[str, Any]) -> None:
    """Mark each deprecated operation, and describe when it goes and what replaces it."""
    routes = {
        operation.name: f"{method} {path}"
        for path, methods in operations.items()
        for method, operation in methods.items()
    }
    for path, methods in operations.items():
        for method, operation in methods.items():
            if operation.deprecation:
                _mark(document["paths"][path][method.lower()], operation.deprecation, routes)


def _mark(entry: dict[str, Any], deprecation: Deprecation, routes: Mapping[str, str]) -> None:
    words = f"**DEPRECATED since {deprecation.since}, and gone from {deprecation.sunset} on.**"
    if deprecation.successor:
        words += f" Use `{routes[deprecation.successor.name]}` instead."
    if deprecation.guide:
        words += f" [How to change over]({deprecation.guide})."
    entry["deprecated"] = True
    entry["x-sunset"] = str(deprecation.sunset)  # by which oasdiff knows when it may go
    entry["description"] = f"{words}\n\n{entry['description']}"
