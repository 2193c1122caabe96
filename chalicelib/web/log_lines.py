"""The log line of each request, and of each run of a scheduled job."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chalice.app import Request as ChaliceRequest
from chalice.app import Response

from chalicelib.settings import trace_id
from chalicelib.telemetry.logs import describe_causes, log
from chalicelib.telemetry.measure import Measurement, begin
from chalicelib.web.call import request_id
from chalicelib.web.operation import Operation

GetResponse = Callable[[Any], Response]
Middleware = Callable[[ChaliceRequest | None, GetResponse], Response]


def measured(find: Callable[[str, str], Operation | None]) -> Middleware:
    """Make the middleware around everything else: it writes the line when the answer is complete."""

    def middleware(request: ChaliceRequest | None, get_response: GetResponse) -> Response:
        # The route is the template: a path may hold ids, and a query anything.
        route = str(request.context.get("resourcePath", "unknown")) if request else "unknown"
        method = request.method if request else "unknown"
        operation = find(method, route)
        measurement = begin(
            request_id=request_id(request),
            trace_id=trace_id(),
            method=method,
            route=route,
            operation=operation.name if operation else None,
        )
        status = 500
        try:
            response = get_response(request)
            status = response.status_code
        finally:
            measurement.note(status=status)
            if status == 429:
                measurement.count("too_many_requests")
            _write(measurement, "request", logging.ERROR if status >= 500 else logging.INFO)
        return response

    return middleware


@contextmanager
def job(name: str, event: object) -> Iterator[Measurement]:
    """Write the line of one run of a job; what goes wrong is raised on, for Lambda to count and repeat."""
    context = getattr(event, "context", None)
    run = getattr(context, "aws_request_id", "unknown")
    measurement = begin(request_id=str(run), trace_id=trace_id(), operation=name)
    try:
        yield measurement
    except Exception as error:
        measurement.note(error=describe_causes(error))
        log.exception("%s failed", name)
        raise
    finally:
        _write(measurement, "job", logging.ERROR if "error" in measurement.fields else logging.INFO)


def _write(measurement: Measurement, message: str, level: int) -> None:
    measurement.finish()
    log.log(level, message, extra={"measurement": measurement})
