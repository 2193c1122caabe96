"""Log lines as documents of CloudWatch's embedded metric format."""

import json
import logging
import re
from typing import Any

import jsonschema
import pytest

from chalicelib.settings import Settings
from chalicelib.telemetry.logs import JsonFormatter
from chalicelib.telemetry.measure import Measurement
from chalicelib.telemetry.metrics import METRICS
from tests.api.expected_access import EXPECTED

# The rules of "Specification: Embedded metric format" in Amazon CloudWatch's user guide, as a JSON schema.
NAME = {"type": "string", "minLength": 1, "maxLength": 255}
DIRECTIVE = {
    "required": ["Namespace", "Dimensions", "Metrics"],
    "additionalProperties": False,
    "properties": {
        "Namespace": NAME,
        "Dimensions": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "array", "maxItems": 9, "items": NAME},
        },
        "Metrics": {
            "type": "array",
            "maxItems": 100,
            "items": {
                "required": ["Name"],
                "additionalProperties": False,
                "properties": {"Name": NAME, "Unit": {"enum": ["Count", "Milliseconds", "Seconds", "Bytes"]}},
            },
        },
    },
}
EMF = {
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 1_600_000_000_000, "maximum": 4_000_000_000_000},
                "CloudWatchMetrics": {"type": "array", "items": DIRECTIVE},
            },
        }
    },
}
MOST_BYTES = 256 * 1024
REQUEST = {"cold_start": 1, "round_trips": 2, "read_units": 4.5, "write_units": 0, "latency_ms": 7.1}
SIGN_IN = {"operation": "create_token", "grant_type": "password", "tokens_issued": 1}
REFUSED = {"operation": "create_token", "grant_type": "password", "sign_in_failures": 1}
UNKNOWN = {"method": "BREW", "problem": "method-not-allowed"}


def line_of(**fields: Any) -> dict[str, Any]:
    """The line of a request."""
    record = logging.LogRecord("grail", logging.INFO, __file__, 1, "request", None, None)
    record.measurement = Measurement({**REQUEST, **fields})
    text = JsonFormatter(Settings(stage="dev")).format(record)
    assert len(text.encode()) < MOST_BYTES
    line: dict[str, Any] = json.loads(text)
    return line


@pytest.mark.parametrize("fields", [SIGN_IN, REFUSED, UNKNOWN], ids=["sign-in", "refused", "unknown method"])
def test_a_line_is_a_valid_document(fields: dict[str, Any]) -> None:
    """Log line and metrics are one."""
    jsonschema.validate(line_of(**fields), EMF)


@pytest.mark.parametrize("fields", [SIGN_IN, REFUSED, UNKNOWN], ids=["sign-in", "refused", "unknown method"])
def test_what_it_refers_to_is_there(fields: dict[str, Any]) -> None:
    """EMF: metrics are numbers of the root, dimensions texts of the root; anything else is dropped."""
    line = line_of(**fields)
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert all(isinstance(line[metric["Name"]], int | float) for metric in directive["Metrics"])
        assert all(isinstance(line[name], str) for names in directive["Dimensions"] for name in names)
        assert directive["Metrics"]


def test_an_unknown_method_makes_no_metric_of_its_own() -> None:
    """Each value of a dimension is charged, so no caller may choose one."""
    dimensions = [each["Dimensions"] for each in line_of(**UNKNOWN)["_aws"]["CloudWatchMetrics"]]
    assert dimensions == [[["stage"]]]


def test_dimensions_have_few_values() -> None:
    """Stage, and one of: the operations that there are, the grant types."""
    assert {dimensions for dimensions, _ in METRICS} == {
        ("stage",),
        ("stage", "operation"),
        ("stage", "grant_type"),
    }
    assert len(EXPECTED) < 500  # what is declared, not what callers say; dozens of resources fit


def test_no_metric_is_declared_twice() -> None:
    """A metric has one set of dimensions: the same number twice would be charged twice."""
    names = [name for _, units in METRICS for name in units]
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []
