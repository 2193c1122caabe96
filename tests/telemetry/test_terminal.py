"""What a terminal shows of a request, where no log is written."""

import logging

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.telemetry.logs import describe, readable
from chalicelib.telemetry.measure import Measurement, Value


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"method": "GET", "route": "/health", "status": 200}, "request GET /health 200"),
        ({"operation": "clean_up", "error": "GetError"}, "request GetError"),
        ({}, "request"),
    ],
)
def test_a_line_has_the_main_fields(fields: dict[str, Value], text: str) -> None:
    """`chalice local` shows messages only: the word `request` says nothing."""
    record = logging.LogRecord("grail", logging.INFO, __file__, 1, "request", None, None)
    record.measurement = Measurement(fields)
    assert readable(record)
    assert record.getMessage() == text


def test_other_lines_stay_as_they_are() -> None:
    """They say what they have to say in their messages."""
    record = logging.LogRecord("grail", logging.INFO, __file__, 1, "%s failed", ("it",), None)
    assert readable(record)
    assert record.getMessage() == "it failed"


def test_a_connection_that_failed_is_told_with_its_address() -> None:
    """It is that of a service, or of the local engine, and never a caller's."""
    error = EndpointConnectionError(endpoint_url="http://127.0.0.1:8001/a-key")
    assert describe(error) == "EndpointConnectionError: http://127.0.0.1:8001"
