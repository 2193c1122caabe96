"""Which fields of a log line CloudWatch makes metrics of (embedded metric format).

CloudWatch charges each metric with each value of its dimensions: values must be few, and never a caller's.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.telemetry.measure import Value

NAMESPACE = "Grail"
METRICS: tuple[tuple[tuple[str, ...], dict[str, str]], ...] = (
    (("stage", "operation"), {"latency_ms": "Milliseconds", "deprecated_calls": "Count"}),
    (("stage", "grant_type"), {"tokens_issued": "Count"}),
    (
        ("stage",),
        {
            "cold_start": "Count",
            "round_trips": "Count",
            "read_units": "Count",
            "write_units": "Count",
            "too_many_requests": "Count",
            "sign_in_failures": "Count",
            "token_reuses": "Count",
            "tokens_revoked": "Count",
            "letters_given_up": "Count",
        },
    ),
)


def metadata(fields: Mapping[str, Value], milliseconds: int) -> dict[str, Any]:
    """Return the part of a line that tells CloudWatch where its metrics are.

    :param milliseconds: since 1970.
    """
    directives = [
        {
            "Namespace": NAMESPACE,
            "Dimensions": [list(dimensions)],
            "Metrics": [{"Name": name, "Unit": unit} for name, unit in units.items() if name in fields],
        }
        for dimensions, units in METRICS
        if all(name in fields for name in dimensions) and any(name in fields for name in units)
    ]
    return {"Timestamp": milliseconds, "CloudWatchMetrics": directives}
