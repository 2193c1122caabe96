"""One JSON object per line on standard output, which Lambda sends to CloudWatch Logs.

Nothing that a caller sent gets into a line: of exceptions, messages are told only where they can't hold it.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

from chalicelib.settings import Settings, address
from chalicelib.telemetry.measure import Measurement, Value, running
from chalicelib.telemetry.metrics import metadata

OURS = "grail"
MOST_FRAMES = 20
MOST_CAUSES = 5
# Their messages name what stands in the code. Those of others may quote a password: `invalid literal: …`.
TOLD = (AttributeError, ImportError, NameError)
READABLE = ("method", "route", "status", "error")
# Which of the request's fields the other lines of the same request have.
SHARED = ("request_id", "trace_id", "method", "route", "operation")

log = logging.getLogger(OURS)


class JsonFormatter(logging.Formatter):
    """Makes a line of a record."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.common: dict[str, Value] = {"stage": settings.stage, "build": settings.build}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: of a request that is answered, or of whatever else is logged."""
        measurement: Measurement | None = getattr(record, "measurement", None)
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "message": record.getMessage(),
            **self.common,
        }
        if measurement:
            line |= measurement.fields
            line["_aws"] = metadata(line, int(record.created * 1000))
        else:
            found = running()
            line["logger"] = record.name
            line |= {name: found.fields[name] for name in SHARED if found and name in found.fields}
        if record.exc_info and record.exc_info[1]:
            line["exception"] = describe_with_trace(record.exc_info[1])
        return json.dumps(line, default=str, separators=(",", ":"))


def _time(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03}Z"


def is_told(record: logging.LogRecord) -> bool:
    """Keep libraries' small talk out, whatever their levels are: botocore's holds keys and parameters."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] == OURS


def readable(record: logging.LogRecord) -> bool:
    """Write the main fields of a request or job into its message, for terminals, which show nothing else."""
    measurement: Measurement | None = getattr(record, "measurement", None)
    if measurement:
        fields = [str(measurement.fields[name]) for name in READABLE if name in measurement.fields]
        record.msg = " ".join([record.msg, *fields])
    return True


def configure(settings: Settings) -> None:
    """Write JSON lines on deployed stages, and on a local one that sets LOG_LEVEL.

    Lambda's own handler goes, as it would write each line again in a form of its own.
    """
    log.removeFilter(readable)
    if settings.log_level is None:
        log.addFilter(readable)
        return
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(settings))
    handler.addFilter(is_told)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    log.setLevel(settings.log_level)
    logging.captureWarnings(capture=True)
    # A line that can't be formatted is dropped; telling of it would print its arguments.
    logging.raiseExceptions = False


def describe(error: BaseException) -> str:
    """Return an exception's name without what it quotes; of AWS's refusals the code and the operation.

    A connection that failed has its address beside it: that of a service, or of the local engine.
    """
    name = type(error).__name__
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        code = response.get("Error", {}).get("Code", "unknown")
        return f"{name}: {code} in {getattr(error, 'operation_name', 'unknown')}"
    if url := getattr(error, "kwargs", {}).get("endpoint_url"):  # of botocore: it could not connect
        return f"{name}: {address(url)}"
    return f"{name}: {error}" if isinstance(error, TOLD) else name


def describe_causes(error: BaseException) -> str:
    """Return the kinds of an exception and its causes."""
    return " <- ".join(describe(each) for each in _chain(error))


def describe_with_trace(error: BaseException) -> str:
    """Return the kinds of an exception and its causes, each with its lines, the last ones first."""
    return "\n".join(
        "".join([*traceback.format_tb(each.__traceback__, -MOST_FRAMES), describe(each)])
        for each in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(MOST_CAUSES):
        if error is None:
            return
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
