"""The document as OpenAPI 3.1 has it, where schemas are JSON Schema 2020-12."""

from typing import Any

OPENAPI_31 = "3.1.1"
BINARY = "binary"  # the format of 3.0 for text of any media type
# The keywords of OpenAPI 3.0 that hold a schema, a list of schemas, and schemas by name.
ONE = frozenset({"items", "not", "additionalProperties"})
SEVERAL = frozenset({"allOf", "anyOf", "oneOf"})
VALUES = frozenset({"example", "examples"})  # data, in which nothing is a keyword


def to_31(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of OpenAPI 3.0 as one of 3.1.

    It means the same; only the schemas and the version are written in another way.
    """
    return {**_part(document), "openapi": OPENAPI_31}


def _part(node: Any) -> Any:
    """Copy what is no schema, with the schemas in it."""
    if isinstance(node, list):
        return [_part(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {name: _entry(name, value) for name, value in node.items()}


def _entry(name: str, value: Any) -> Any:
    if name == "schema":
        return schema_31(value)
    if name == "schemas":
        return {model: schema_31(schema) for model, schema in value.items()}
    if name == "content":
        return {media_type: _content(media_type, entry) for media_type, entry in value.items()}
    return value if name in VALUES or name.startswith("x-") else _part(value)


def _content(media_type: str, entry: dict[str, Any]) -> dict[str, Any]:
    new: dict[str, Any] = _part(entry)
    if entry.get("schema", {}).get("format") == BINARY:
        new["schema"]["contentMediaType"] = media_type
    return new


def schema_31(schema: Any) -> Any:
    """Return a schema object of OpenAPI 3.0 as JSON Schema."""
    if not isinstance(schema, dict):
        return schema  # additionalProperties: false
    new = {name: _keyword(name, value) for name, value in schema.items() if name != "nullable"}
    if "example" in new:
        new["examples"] = [new.pop("example")]
    _limits(new)
    if new.get("format") == BINARY:
        del new["format"]
    return _or_null(new) if schema.get("nullable") else new


def _keyword(name: str, value: Any) -> Any:
    if name == "properties":
        return {field: schema_31(each) for field, each in value.items()}
    if name in SEVERAL:
        return [schema_31(each) for each in value]
    return schema_31(value) if name in ONE else value


def _limits(schema: dict[str, Any]) -> None:
    """Turn the flags of exclusive limits into the limits themselves."""
    for limit in ("Minimum", "Maximum"):
        if schema.pop(f"exclusive{limit}", False):
            schema[f"exclusive{limit}"] = schema.pop(limit.lower())


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    more = {"enum": [*schema["enum"], None]} if None not in schema.get("enum", [None]) else {}
    return {**schema, "type": [schema["type"], "null"], **more}
