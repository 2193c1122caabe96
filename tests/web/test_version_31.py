"""OpenAPI 3.1 from 3.0: the same document, with schemas as JSON Schema 2020-12 has them."""

import copy
import json
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator, OAS31Validator
from openapi_spec_validator import validate

from chalicelib.web.openapi.version_31 import schema_31, to_31
from tests.spec import DOCUMENT as OLD

NEW = to_31(OLD)
# Validators of 3.0 do not ask for what is only written, which those of 3.1 do not know.
COMPARED = json.loads(json.dumps(OLD["components"]).replace('"writeOnly": true', '"writeOnly": false'))
REF = {"$ref": "#/components/schemas/Team"}
STRANGERS: tuple[Any, ...] = (None, True, 0, -1, 2**60, 0.5, "", "x", "a\nb", [], [None], {}, {"x": None})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"type": "string"}, {"type": "string"}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": False}, {"type": "string"}),
        (
            {"type": "string", "enum": ["a"], "nullable": True},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"type": "string", "enum": ["a", None], "nullable": True},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        ({"allOf": [REF], "nullable": True}, {"anyOf": [{"allOf": [REF]}, {"type": "null"}]}),
        ({"type": "string", "example": None}, {"type": "string", "examples": [None]}),
        ({"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}),
        ({"minimum": 1, "exclusiveMinimum": False}, {"minimum": 1}),
        ({"maximum": 9, "exclusiveMaximum": True, "minimum": 1}, {"exclusiveMaximum": 9, "minimum": 1}),
        (
            {"type": "object", "properties": {"nullable": {"type": "string", "nullable": True}}},
            {"type": "object", "properties": {"nullable": {"type": ["string", "null"]}}},
        ),
        (
            {"properties": {"example": {"example": {"nullable": True}}}},
            {"properties": {"example": {"examples": [{"nullable": True}]}}},
        ),
        (
            {"type": "array", "items": {"type": "integer", "nullable": True}},
            {"type": "array", "items": {"type": ["integer", "null"]}},
        ),
        ({"additionalProperties": {"nullable": False}}, {"additionalProperties": {}}),
        (
            {"additionalProperties": False, "not": {"example": 1}},
            {"additionalProperties": False, "not": {"examples": [1]}},
        ),
    ],
    ids=json.dumps,
)
def test_a_schema_means_the_same_in_the_new_words(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Each keyword of 3.0 that 3.1 lacks or reads in another way; names of fields are no keywords."""
    before = copy.deepcopy(old)
    assert schema_31(old) == new
    assert old == before


def test_the_new_document_is_valid() -> None:
    """By the schema of OpenAPI 3.1."""
    validate(NEW)
    assert NEW["openapi"].startswith("3.1.")


def test_no_word_of_the_old_version_is_left() -> None:
    """Tools ignore what 3.1 does not know: a field that may be null would be refused."""
    text = json.dumps(NEW)
    assert "nullable" in json.dumps(OLD)
    assert [word for word in ('"nullable"', '"format": "binary"') if word in text] == []


def test_everything_else_stays_as_it_is() -> None:
    """The versions differ in schemas, and in nothing that an operation, a header or an example says."""

    def without_schemas(node: Any) -> Any:
        if isinstance(node, list):
            return [without_schemas(each) for each in node]
        if not isinstance(node, dict):
            return node
        return {
            name: without_schemas(each) for name, each in node.items() if name not in ("schema", "schemas")
        }

    old, new = without_schemas(OLD), without_schemas(NEW)
    assert {**old, "openapi": ""} == {**new, "openapi": ""}
    assert OLD["openapi"] == "3.0.3"


@pytest.mark.parametrize("name", OLD["components"]["schemas"])
def test_a_model_takes_the_same_values(name: str) -> None:
    """Its example, each field of it replaced by something else, and things that are no object."""
    old = OAS30Validator({**COMPARED["schemas"][name], "components": COMPARED})
    new = OAS31Validator({**NEW["components"]["schemas"][name], "components": NEW["components"]})
    example = OLD["components"]["schemas"][name]["example"]
    assert new.is_valid(example)
    values = [*STRANGERS, *({**example, field: each} for field in example for each in STRANGERS)]
    assert [value for value in values if old.is_valid(value) != new.is_valid(value)] == []


def test_a_text_of_another_media_type_names_it() -> None:
    """What 3.0 calls binary: pages, styles and scripts."""
    content = NEW["paths"]["/api/v1"]["get"]["responses"]["200"]["content"]
    schema = content["text/html"]["schema"]
    assert (schema["type"], schema["contentMediaType"]) == ("string", "text/html")
