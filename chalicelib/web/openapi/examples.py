"""Examples of models; without them, tools invent unreadable texts from patterns."""

from typing import Any

from chalicelib.web.fields import EXAMPLE_ID, ID, IDS

EXAMPLE_PATH = "/api/v1/teams"
EXAMPLE_REQUEST = "2f8f0c1e-6d0c-4c7e-9f39-2a1f5f3c7d11"
# Of fields that have no example of their own, by pattern or format.
KNOWN = {
    ID["pattern"]: EXAMPLE_ID,
    IDS["client_id"]["pattern"]: "client-01bx5zzkbkactav9wevgemmvrz",
    "date-time": "2026-01-31T12:00:00Z",
}

Models = dict[str, dict[str, Any]]


def add_examples(models: Models) -> None:
    """Add an example to each model, made of those of its fields.

    It has the fields that are required, and those for which an example is declared or known.
    """
    for model in models.values():
        for field in model.get("properties", {}).values():
            known = KNOWN.get(field.get("pattern", field.get("format")))
            if known:
                field.setdefault("example", known)
    for model in models.values():
        model.setdefault("example", _example(model, models))


def _example(schema: dict[str, Any], models: Models) -> Any:
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
