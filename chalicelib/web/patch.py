"""RFC 6902 and RFC 7396 over the public view of an item, within the rules that an operation declares."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jsonpatch
from jsonpointer import JsonPointerException
from marshmallow import Schema, ValidationError

from chalicelib.db.table import Item
from chalicelib.errors import (
    ConflictError,
    ForbiddenError,
    InvalidValueError,
    MalformedRequestError,
    excerpt,
)
from chalicelib.web.body import escape, media_type_of, schema_of, violations
from chalicelib.web.call import Call
from chalicelib.web.media import MERGE_PATCH
from chalicelib.web.operation import Operation, Takes

MAX_OPERATIONS = 64
MAX_RESULT = 65_536  # characters of JSON; copies grow without bound otherwise
MAX_ELEMENTS = 128  # of a value, and of what is patched beyond those it has
CONFIRMATION = "current_password"  # a member of a merge patch that is tested, and not merged
CURRENT_PASSWORD = "/current_password"  # noqa: S105 - a path, no password
PATCH_ADVICE = f'Put {{"op": "test", "path": "{CURRENT_PASSWORD}", "value": …}} with your password before it.'
MERGE_ADVICE = f'Add "{CONFIRMATION}" with your password.'
MAX_POINTER = 256  # characters; no view has anything at a longer one
POINTER = re.compile(r"(/([^~/]|~[01])*)*")
NEEDS = {
    "add": {"value"},
    "remove": set[str](),
    "replace": {"value"},
    "move": {"from"},
    "copy": {"from"},
    "test": {"value"},
}


@dataclass
class _Progress:
    call: Call
    takes: Takes
    readable: frozenset[str]
    document: dict[str, Any]
    most: int  # elements that the document may have
    pointers: list[str]  # of each operation in the body
    advice: str  # how to confirm
    confirmed: bool = False


def parse_patch(payload: Any) -> list[dict[str, Any]]:
    """Return a parsed body if it is a patch document.

    :raises MalformedRequestError: RFC 6902 §3, §4 and RFC 6901 §3 do not know such a thing.
    :raises InvalidValueError: it has too many operations, or too large a pointer or value.
    """
    if not isinstance(payload, list):
        raise MalformedRequestError("A patch is an array of operations (RFC 6902).")
    if len(payload) > MAX_OPERATIONS:
        raise InvalidValueError(f"A patch may have at most {MAX_OPERATIONS} operations.")
    for number, entry in enumerate(payload):
        _check_size(entry, number)
        flaw = _flaw(entry)
        if flaw:
            raise MalformedRequestError(
                f"Operation {number}: {flaw}", errors=[{"pointer": f"/{number}", "detail": flaw}]
            )
    return payload


def parse_merge_patch(payload: Any, view: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a parsed body, if it is a merge patch of an object, as the operations that it means.

    :raises InvalidValueError: it would replace the object as a whole, or is too large.
    """
    if not isinstance(payload, dict):
        raise _outside("", "", "A merge patch is an object: only its members can be changed.")
    if len(payload) > MAX_OPERATIONS:
        raise _outside("", "", f"A merge patch may have at most {MAX_OPERATIONS} members.")
    entries = operations_of(view, payload)
    for entry in entries:
        if count_elements(entry.get("value"), MAX_ELEMENTS) > MAX_ELEMENTS:
            path = entry["path"]
            raise _outside(path, path, f"A value may have at most {MAX_ELEMENTS} elements.")
    return entries


def merge(target: Any, patch: Any) -> Any:
    """Return what a patch makes of a document (RFC 7396 §2); neither is changed."""
    if not isinstance(patch, dict):
        return patch
    kept = target if isinstance(target, dict) else {}
    merged = {name: value for name, value in kept.items() if name not in patch}
    return merged | {name: merge(kept.get(name), value) for name, value in patch.items() if value is not None}


def operations_of(view: Mapping[str, Any], patch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the operations that do to an object what a patch does, the confirmation first.

    Removing what is not there is an operation, too, so that the rules judge it.
    """
    found = list(_operations(view, patch))
    return sorted(found, key=lambda entry: entry["op"] != "test")


def _operations(view: Mapping[str, Any], patch: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in patch.items():
        path = f"/{escape(name)}"
        if name == CONFIRMATION:
            yield {"op": "test", "path": path, "value": value}
        elif value is None:
            yield {"op": "remove", "path": path}
        else:
            yield {"op": "add", "path": path, "value": merge(view.get(name), value)}


def _check_size(entry: Any, number: int) -> None:
    if not isinstance(entry, dict):
        return
    for name in ("path", "from"):
        pointer = entry.get(name)
        if isinstance(pointer, str) and len(pointer) > MAX_POINTER:
            detail = f"A pointer may have at most {MAX_POINTER} characters."
            raise _outside(pointer, f"/{number}/path", detail)
    if count_elements(entry.get("value"), MAX_ELEMENTS) > MAX_ELEMENTS:
        detail = f"A value may have at most {MAX_ELEMENTS} elements."
        raise _outside(str(entry.get("path")), f"/{number}/path", detail)


def count_elements(value: Any, most: int) -> int:
    """Count the elements of arrays and objects, at every level; one more than `most` ends the count."""
    found, left = 0, [value]
    while left and found <= most:
        inner = left.pop()
        if isinstance(inner, dict | list):
            found += len(inner)
            left.extend(islice(inner.values() if isinstance(inner, dict) else inner, most))
    return min(found, most + 1)


def _flaw(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return "an operation is an object."
    op = entry.get("op")
    if not isinstance(op, str) or op not in NEEDS:
        return f"op must be one of {', '.join(NEEDS)}."
    missing = ({"path"} | NEEDS[op]) - entry.keys()
    if missing:
        return f"{op} needs {' and '.join(sorted(missing))}."
    for name in ({"path"} | NEEDS[op]) - {"value"}:
        if not isinstance(entry[name], str) or not POINTER.fullmatch(entry[name]):
            return f"{name} must be a JSON pointer that begins with a slash."
    return None


def apply_patch(call: Call, operation: Operation, item: Item) -> dict[str, Any]:
    """Apply the call's patch to what the answer shows of an item, all or nothing.

    :returns: the fields that change, as the schema loaded them.
    :raises MalformedRequestError: the body is no patch.
    :raises ForbiddenError: a field is not the caller's to change, or the current password is wrong.
    :raises ConflictError: a test failed.
    :raises InvalidValueError: a path is outside the rules, or the result breaks the schema.
    """
    takes = operation.takes
    shown = schema_of(operation.gives.schema or Schema)
    view: dict[str, Any] = shown.dump(item)
    most = MAX_ELEMENTS + count_elements(view, MAX_RESULT)
    if media_type_of(call.request) == MERGE_PATCH:
        entries, advice = parse_merge_patch(call.payload, view), MERGE_ADVICE
        pointers = [entry["path"] for entry in entries]
    else:
        entries, advice = parse_patch(call.payload), PATCH_ADVICE
        pointers = [f"/{number}/path" for number in range(len(entries))]
    progress = _Progress(call, takes, frozenset(shown.fields), _copy(view), most, pointers, advice)
    # Operations change what they put in, and the same ones are applied again after a conflict.
    for number, entry in enumerate(_copy(entries)):
        _apply(progress, entry, number)
    changed = {
        name: progress.document.get(name, rule.blank)
        for name, rule in takes.patch.items()
        if (name in progress.document and name not in view)
        or _text(progress.document.get(name, rule.blank)) != _text(view.get(name))
    }
    try:
        return dict(schema_of(takes.body or Schema).load(changed, partial=True))
    except ValidationError as error:
        raise InvalidValueError(errors=violations(error.messages)) from error


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _text(value: Any) -> str:
    # As JSON: in Python true equals 1, and a wrong type would pass for no change.
    return json.dumps(value, sort_keys=True)


def _apply(progress: _Progress, entry: dict[str, Any], number: int) -> None:
    if entry["op"] == "test" and entry["path"] == CURRENT_PASSWORD and progress.takes.confirm:
        if progress.confirmed:
            pointer = progress.pointers[number]
            raise _outside(entry["path"], pointer, "It may be tested only once per patch.")
        progress.takes.confirm(progress.call, entry["value"])
        progress.confirmed = True
        return
    _check_read(progress, entry, number)
    _check_write(progress, entry, number)
    if entry["op"] == "replace" and _field(entry["path"]) not in progress.readable:
        # What is written but never shown, such as a password, has no value in the view to replace.
        entry = {**entry, "op": "add"}
    try:
        progress.document = jsonpatch.apply_patch(progress.document, [entry], in_place=True)
    except jsonpatch.JsonPatchTestFailed as error:
        raise ConflictError(f"The test of {excerpt(entry['path'])} failed: it has another value.") from error
    # A pointer's own exception is not a patch exception; odd indexes end in plain type errors.
    except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, KeyError, ValueError) as error:
        detail = "There is nothing at this path."
        raise _outside(entry["path"], progress.pointers[number], detail) from error
    if entry["op"] == "test":
        return
    large = count_elements(progress.document, progress.most) > progress.most
    if large or len(json.dumps(progress.document)) > MAX_RESULT:
        raise _outside(entry["path"], progress.pointers[number], "The result is too large.")


def _check_read(progress: _Progress, entry: dict[str, Any], number: int) -> None:
    """Refuse to read anything that the view does not show: hidden and unknown fields look alike."""
    sources = {"test": entry["path"], "move": entry.get("from"), "copy": entry.get("from")}
    source = sources.get(entry["op"])
    if source is not None and _field(source) not in progress.readable:
        raise _outside(source, progress.pointers[number], "This path can't be read.")


def _check_write(progress: _Progress, entry: dict[str, Any], number: int) -> None:
    targets = [] if entry["op"] == "test" else [entry["path"]]
    if entry["op"] == "move":
        targets.append(entry["from"])
    for target in targets:
        name = _field(target)
        if name in progress.takes.nobody:
            raise ForbiddenError(f"{excerpt(target)} can't be changed over the API.")
        rule = progress.takes.patch.get(name)
        if rule is None or (target.count("/") > 1 and not rule.parts):
            raise _outside(target, progress.pointers[number], "This path can't be changed.")
        rule.check(progress.call, target)
        if rule.confirm and not progress.confirmed:
            raise _outside(target, progress.pointers[number], progress.advice)


def _field(pointer: str) -> str:
    parts = pointer.split("/", 2)
    return parts[1].replace("~1", "/").replace("~0", "~") if len(parts) > 1 else ""


def _outside(path: str, pointer: str, detail: str) -> InvalidValueError:
    return InvalidValueError(
        f"{excerpt(path) or 'The whole document'}: {detail}",
        errors=[{"pointer": pointer, "detail": detail}],
    )
