"""One operation's declaration as OpenAPI has it."""

import inspect
import re
from copy import copy
from typing import Any, ClassVar

from marshmallow import Schema, fields, validate

from chalicelib.rate_limit import HEADERS as RATE_LIMIT
from chalicelib.security.passwords import MAX_BYTES
from chalicelib.web.access import Rule
from chalicelib.web.body import schema_of
from chalicelib.web.fields import EXAMPLE_ID, ID, IDS, pattern_metadata
from chalicelib.web.headers import IDEMPOTENCY_KEY, IF_NONE_MATCH, REQUEST
from chalicelib.web.media import FORM, JSON, LINKSET, MERGE_PATCH, YAML
from chalicelib.web.openapi.problems import TEXT, Refusals, refer
from chalicelib.web.operation import Operation
from chalicelib.web.pagination import MAX_LIMIT, ListQuery
from chalicelib.web.patch import (
    CONFIRMATION,
    CURRENT_PASSWORD,
    MAX_OPERATIONS,
    MAX_POINTER,
    NEEDS,
    POINTER,
)

OAUTH2 = "oauth2"
CLIENT = "client"
STRUCTURED = (JSON, LINKSET, YAML)  # clients parse them; everything else is text


class PatchOperationSchema(Schema):
    """One operation of a JSON Patch (RFC 6902)."""

    EXAMPLE: ClassVar = {"op": "replace", "path": "/title", "value": "Explorers"}

    op = fields.String(required=True, validate=validate.OneOf(tuple(NEEDS)))
    path = fields.String(
        required=True,
        metadata=pattern_metadata(POINTER, MAX_POINTER, description="RFC 6901 pointer.", example="/title"),
    )
    source = fields.String(
        data_key="from",
        metadata=pattern_metadata(
            POINTER,
            MAX_POINTER,
            description="RFC 6901 pointer: where move and copy take it from.",
            example="/title",
        ),
    )
    value = fields.Raw(metadata={"description": "What add, replace and test take."})


def describe(operation: Operation, path: str, refusals: Refusals) -> dict[str, Any]:
    """Write an operation of the document."""
    first, rest = _texts(operation)
    entry: dict[str, Any] = {
        "operationId": re.sub(r"_(.)", lambda found: found[1].upper(), operation.name),
        "tags": [operation.group],
        "summary": first,
        "description": "\n\n".join(rest),
        "x-permissions": operation.access.permission.sentence,
        "security": _security(operation),
        "parameters": _parameters(operation, path),
        "responses": _successes(operation) | refusals.responses(operation),
    }
    body = _request_body(operation)
    if body:
        entry["requestBody"] = {"required": True, "content": body}
    if operation.takes.patch:
        entry["x-patch-paths"] = {
            f"/{name}": _rule_words(rule) for name, rule in operation.takes.patch.items()
        }
    return entry


def _texts(operation: Operation) -> tuple[str, list[str]]:
    """Split the docstring into a summary and what is told of the operation."""
    text = (inspect.getdoc(operation.handler) or "").split(":param")[0].split(":raises")[0]
    first, _, rest = text.partition("\n")
    told = [" ".join(rest.split())] if rest.strip() else []
    told.append(f"**PERMISSIONS: {operation.access.permission.sentence}**")
    if operation.access.limit:
        what = f", for {operation.access.limit.what}" if operation.access.limit.what else ""
        told.append(f"**RATE LIMIT: {operation.access.limit.sentence}** for each caller{what}")
    told += [f"**RATE LIMIT: {limit.sentence}** for {what}" for what, limit in operation.docs.limits.items()]
    if operation.takes.patch:
        lines = [f"- `/{name}`: {_rule_words(rule)}" for name, rule in operation.takes.patch.items()]
        told.append(
            "\n".join(["What a patch may change; it may test whatever the answer shows:", "", *lines])
        )
    return first.rstrip("."), told


def _rule_words(rule: Rule) -> str:
    words = [
        f"by {rule.permission.sentence}" if rule.permission else "by whoever may call this",
        f"after a test of {CURRENT_PASSWORD} with your own password" if rule.confirm else "",
        "single elements too" if rule.parts else "",
        "may be removed" if rule.blank is not None else "",
    ]
    return ", ".join(word for word in words if word)


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.takes.parse and operation.gives.error_schema:
        # a public client says only in the form who it is
        return [{CLIENT: []}, {}]
    if operation.access.permission.public:
        return [{OAUTH2: []}, {}] if operation.access.optional_token else []
    return [{OAUTH2: sorted(operation.access.scopes)}]


def _parameters(operation: Operation, path: str) -> list[Any]:
    found: list[Any] = [_path_parameter(operation, name) for name in re.findall(r"{(\w+)}", path)]
    if operation.takes.query:
        found.append({"in": "query", "schema": operation.takes.query})
    return [*found, *(_header(header, operation) for header in operation.headers)]


def _header(name: str, operation: Operation) -> Any:
    needed = name == IDEMPOTENCY_KEY and operation.takes.needs_key
    return {**parameter(name), "in": "header", "required": True} if needed else component(name)


def parameter(header: str) -> dict[str, Any]:
    """Describe a request's header as a parameter."""
    description, schema = REQUEST[header]
    return {"name": header, "description": description, "schema": schema}


def component(header: str) -> str:
    """Return the name under which a request's header stands in the components."""
    return header.replace("-", "")


def _path_parameter(operation: Operation, name: str) -> dict[str, Any]:
    thing = name.removesuffix("_id")
    is_id = thing != name
    description = f"The id of the {thing}." if is_id else f"The name of the {thing}."
    parameter = {"in": "path", "name": name, "required": True, "description": description}
    # what can be no id is as unknown as one that nothing has
    shape = IDS.get(name, ID) if is_id else {"enum": sorted(operation.access.choices[name])}
    return {**parameter, "schema": {"type": "string", **shape}} | (
        {"example": EXAMPLE_ID} if shape is ID else {}
    )


def _request_body(operation: Operation) -> dict[str, Any]:
    kind, types = body_schema(operation), operation.takes.types
    if kind is None:
        return {}
    if operation.takes.patch:
        name = next(iter(operation.takes.patch))
        value = schema_of(kind).fields[name].metadata.get("example")
        example = {"op": "replace", "path": f"/{name}", "value": value}
        items = {"type": "array", "items": PatchOperationSchema, "maxItems": MAX_OPERATIONS}
        entry: dict[str, Any] = {"schema": items, "example": [example]}
        return {name: {"schema": kind} if name == MERGE_PATCH else entry for name in types}
    return {name: {"schema": kind, **_encoding(kind, name)} for name in types}


def body_schema(operation: Operation) -> type[Schema] | None:
    """Return the schema of the body, if there is one; of a patch, that of a JSON Merge Patch (RFC 7396)."""
    takes, shown = operation.takes, operation.gives.schema
    if not takes.patch or takes.body is None or shown is None:
        return takes.body
    found: dict[str, Any] = {}
    for name, rule in takes.patch.items():
        field = found[name] = copy(schema_of(takes.body).declared_fields[name])
        field.required = False
        field.allow_none = field.allow_none or rule.blank is not None
    if takes.confirm:
        found[CONFIRMATION] = fields.String(
            metadata={
                "format": "password",
                "maxLength": MAX_BYTES,
                "description": "Your own password, where a rule wants it.",
            }
        )
    return Schema.from_dict(found, name=shown.__name__.removesuffix("Schema") + "MergePatchSchema")


def _encoding(kind: type[Schema], media_type: str) -> dict[str, Any]:
    """Return how a form sends lists: a name for each element. Without it tools join them with commas."""
    lists = [name for name, field in schema_of(kind).fields.items() if isinstance(field, fields.List)]
    if media_type != FORM or not lists:
        return {}
    return {"encoding": {name: {"style": "form", "explode": True} for name in lists}}


def _successes(operation: Operation) -> dict[str, Any]:
    headers = operation.docs.all_headers
    headers += ("ETag",) if operation.has_etag else ()
    headers += ("Idempotent-Replayed",) if IDEMPOTENCY_KEY in operation.headers else ()
    headers += ("Location",) if operation.gives.status == 201 else ()
    headers += RATE_LIMIT if operation.access.limit else ()
    headers += ("Link",) if operation.gives.many else ()
    # what goes only by cursor is not counted
    is_counted = operation.takes.query is not None and issubclass(operation.takes.query, ListQuery)
    headers += ("X-Total-Count",) if operation.gives.many and is_counted else ()
    success: dict[str, Any] = {
        "description": _success_words(operation),
        "headers": refer(headers, shared=operation.gives.cors),
    }
    if operation.gives.status != 204:
        success["content"] = {name: {"schema": _schema(operation, name)} for name in operation.gives.types}
    unchanged = {
        "description": "It is as you have it.",
        "headers": refer(("ETag", *operation.docs.all_headers), shared=operation.gives.cors),
    }
    more = {"304": unchanged} if operation.method == "GET" and IF_NONE_MATCH in operation.headers else {}
    also = {str(status): _also(status, words, success) for status, words in operation.docs.also.items()}
    return {str(operation.gives.status): success, **more, **also}


def _also(status: int, words: str, success: dict[str, Any]) -> dict[str, Any]:
    # a redirect has nothing to read
    return {name: part for name, part in success.items() if status >= 400 or name != "content"} | {
        "description": words
    }


def _success_words(operation: Operation) -> str:
    if operation.gives.status == 204:
        return "Done."
    kind = operation.gives.schema
    text = " ".join((inspect.getdoc(kind) or "").split()) if kind else "As asked."
    return f"A list; each element: {text}" if operation.gives.many else text


def _schema(operation: Operation, media_type: str) -> Any:
    if operation.gives.schema is None:
        return {"type": "object"} if media_type in STRUCTURED else TEXT
    listed = {"type": "array", "items": operation.gives.schema, "maxItems": MAX_LIMIT}
    return listed if operation.gives.many else operation.gives.schema
