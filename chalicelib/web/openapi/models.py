"""From marshmallow schemas to models, in the way that this API reads and writes them."""

from collections.abc import Iterable
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

from chalicelib.web.body import schema_of
from chalicelib.web.fields import EXAMPLE_ID, ID, IDS

EXAMPLE_PATH = "/api/v1/teams"
EXAMPLE_REQUEST = "2f8f0c1e-6d0c-4c7e-9f39-2a1f5f3c7d11"
# Of fields that have no example of their own, by pattern or format.
KNOWN = {
    ID["pattern"]: EXAMPLE_ID,
    IDS["client_id"]["pattern"]: "client-01bx5zzkbkactav9wevgemmvrz",
    "date-time": "2026-01-31T12:00:00Z",
}
MAX_TIME = 32  # characters: microseconds and offset included
Schemas = dict[str, dict[str, Any]]


class Converter(OpenAPIConverter):
    """Says what every field of a kind keeps to, beyond what apispec does."""

    def field2property(self, field: fields.Field[Any]) -> dict[str, Any]:
        """Describe a field."""
        limits: dict[str, Any] = {"format": "int32"} if isinstance(field, fields.Integer) else {}
        limits |= {"maxLength": MAX_TIME} if isinstance(field, fields.AwareDateTime) else {}
        return limits | super().field2property(field)

    def schema2jsonschema(self, schema: Schema) -> dict[str, Any]:
        """Describe a schema; `EXAMPLE` is for one whose fields are never there all at once."""
        model: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]  # apispec's
        example = getattr(schema, "EXAMPLE", None)
        return {**model, "example": example} if example else model


class Models(MarshmallowPlugin):
    """Makes a model of each schema that an operation names."""

    Converter = Converter

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=model_name)


def model_name(schema: Any) -> str:
    """Return the name of a schema's model: letters and digits, since API Gateway takes nothing else."""
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Schema")


def open_others(spec: APISpec, bodies: Iterable[type[Schema]]) -> None:
    """Refuse undeclared fields in bodies, and only there: answers may get more in time."""
    closed = {model_name(kind) for kind in bodies}
    for name, model in spec.components.schemas.items():
        if name not in closed:
            model.pop("additionalProperties", None)


def complete_responses(spec: APISpec, kinds: Iterable[type[Schema]]) -> None:
    """Mark the fields that answers always have: all but those that are declared optional."""
    for kind in {inner for outer in kinds for inner in _with_nested(outer)}:
        names = [name for name, field in schema_of(kind).fields.items() if not field.metadata.get("optional")]
        # an empty list would be no valid one
        if names:
            spec.components.schemas[model_name(kind)]["required"] = sorted(names)


def _with_nested(kind: type[Schema]) -> set[type[Schema]]:
    found = {kind}
    for field in schema_of(kind).fields.values():
        element = field.inner if isinstance(field, fields.List) else field
        if isinstance(element, fields.Nested):
            found |= _with_nested(type(element.schema))
    return found


def add_examples(models: Schemas) -> None:
    """Add an example to each model, made of those of its fields; tools invent unreadable ones otherwise.

    It has the fields that are required, and those for which an example is declared or known.
    """
    for model in models.values():
        for field in model.get("properties", {}).values():
            known = KNOWN.get(field.get("pattern", field.get("format")))
            if known:
                field.setdefault("example", known)
    for model in models.values():
        model.setdefault("example", _example(model, models))


def _example(schema: dict[str, Any], models: Schemas) -> Any:
    if "example" in schema:
        return schema["example"]
    if "$ref" in schema:
        return _example(models[schema["$ref"].rsplit("/")[-1]], models)
    if schema.get("type") == "array":
        return [_example(schema["items"], models)]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "boolean":
        return False
    fields, required = schema.get("properties", {}), schema.get("required", ())
    return {
        name: _example(field, models)
        for name, field in fields.items()
        if name in required or "example" in field
    }
