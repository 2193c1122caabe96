"""How a deployed stage logs: only JSON, once, and nothing that libraries log about keys and parameters."""

import json
import logging
import sys
import warnings

import pytest
from botocore.exceptions import ClientError

from chalicelib.settings import Settings, trace_id
from chalicelib.telemetry.logs import describe, describe_with_trace
from chalicelib.telemetry.measure import begin
from chalicelib.web.log_lines import job
from tests.log_tools import deployed_log

LIBRARIES = (
    "botocore",
    "botocore.auth",
    "botocore.endpoint",
    "urllib3.connectionpool",
    "pynamodb.connection.base",
)


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_are_not_heard_below_warnings(settings: Settings, name: str, level: str) -> None:
    """Behaviour 56: botocore at DEBUG logs parameters and signatures, whatever anybody sets levels to."""
    library = logging.getLogger(name)
    with deployed_log(settings, level) as log:
        for logger in (logging.getLogger(), library):
            logger.setLevel(logging.DEBUG)
        library.debug("the canary")
        library.info("the canary")
        library.warning("heard")
    library.setLevel(logging.NOTSET)
    assert [line["message"] for line in log.lines] == ["heard"]


def test_our_own_debugging_is_heard_when_wanted(settings: Settings) -> None:
    """LOG_LEVEL=DEBUG is for the loggers of this project."""
    with deployed_log(settings, "DEBUG") as log:
        logging.getLogger("grail.anything").debug("a detail")
    with deployed_log(settings, "INFO") as less:
        logging.getLogger("grail.anything").debug("a detail")
    assert ([line["logger"] for line in log.lines], less.lines) == (["grail.anything"], [])


def test_each_line_is_written_once(settings: Settings) -> None:
    """Lambda's runtime has a handler on the root logger, which would write everything again."""
    with deployed_log(settings) as log:
        logging.getLogger("grail").warning("once")
        logging.getLogger("somebody.else").error("once")
    assert [line["message"] for line in log.lines] == ["once", "once"]


def test_warnings_are_lines_of_the_request_that_runs(settings: Settings) -> None:
    """Python's own warnings are JSON, too, and found by the request's id."""
    with deployed_log(settings) as log, warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        begin(request_id="a-request", route="/health", method="GET")
        warnings.warn("something is old", DeprecationWarning, stacklevel=1)
    (line,) = log.lines
    assert (line["level"], line["request_id"], line["route"]) == ("WARNING", "a-request", "/health")
    assert "something is old" in line["message"]


def test_a_text_of_several_lines_stays_one_line(settings: Settings) -> None:
    """CloudWatch makes an event of each line, so callers must not be able to add lines."""
    with deployed_log(settings) as log:
        logging.getLogger("grail").warning('first\n{"level": "ERROR"}\r\u2028third')
    assert len(log.text.splitlines()) == 1


def test_what_cannot_be_formatted_is_not_shown(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Behaviour 56: Python would print the arguments of a broken line to standard error."""
    with deployed_log(settings):
        logging.getLogger("grail").warning("%d", "canary")
    assert "canary" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("invalid literal: 'hunter2'"), "ValueError"),
        (KeyError("hunter2"), "KeyError"),
        (
            AttributeError("'str' object has no attribute 'id'"),
            "AttributeError: 'str' object has no attribute 'id'",
        ),
        (
            ClientError({"Error": {"Code": "ValidationException", "Message": "hunter2"}}, "Query"),
            "ClientError: ValidationException in Query",
        ),
    ],
)
def test_exceptions_are_told_without_what_they_quote(error: Exception, told: str) -> None:
    """Behaviour 56: messages may hold what a caller sent; codes and names do not."""
    assert describe(error) == told


def test_endless_recursion_fits_into_a_line() -> None:
    """CloudWatch cuts events at 256 KB."""

    def recurse(depth: int) -> None:
        recurse(depth + 1)

    with pytest.raises(RecursionError) as caught:
        recurse(0)
    assert len(describe_with_trace(caught.value)) < 20_000


def test_a_job_is_one_line(settings: Settings) -> None:
    """What the scheduled function did, and how long it took."""
    with deployed_log(settings) as log, job("clean_up", object()) as run:
        run.note(removed=3)
    (line,) = log.lines
    assert (line["message"], line["operation"], line["removed"], line["level"]) == (
        "job",
        "clean_up",
        3,
        "INFO",
    )
    assert line["latency_ms"] >= 0


def test_a_job_that_fails_is_told_and_raises(settings: Settings) -> None:
    """Lambda counts the error, and runs it again."""
    with deployed_log(settings) as log, pytest.raises(ValueError, match="hunter2"), job("clean_up", object()):
        raise ValueError("hunter2")
    told, line = log.lines
    assert ("Traceback" in told["exception"] or "raise ValueError" in told["exception"], line["error"]) == (
        True,
        "ValueError",
    )
    assert (line["level"], "removed" in line) == ("ERROR", False)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "1-5759e988-bd862e3fe1be46a994272793",
        ),
        ("Root=1-5759e988-bd862e3fe1be46a994272793", "1-5759e988-bd862e3fe1be46a994272793"),
        ("Root=1-5759e988-bd862e3fe1be46a994272793aa", None),
        ("Root=a password", None),
        ("", None),
    ],
)
def test_a_trace_id_is_one(header: str, found: str | None) -> None:
    """AWS X-Ray: what looks otherwise is left out."""
    assert trace_id({"_X_AMZN_TRACE_ID": header}) == found


def test_a_line_that_is_no_request_has_no_metrics(settings: Settings) -> None:
    """A number is counted once, however many lines a request has."""
    with deployed_log(settings) as log:
        begin(request_id="a-request")
        logging.getLogger("grail").warning("something else")
    assert "_aws" not in json.loads(log.text)
    assert sys.stdout is not log.output
