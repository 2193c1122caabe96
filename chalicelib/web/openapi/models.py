"""From marshmallow schemas to models, in the way that this API reads and writes them."""

from collections.abc import Iterable
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

from chalicelib.web.body import schema_of

MAX_TIME = 32  # characters: microseconds and offset included


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
