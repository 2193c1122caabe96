"""What operators see of a stage's logs."""

import json
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from invoke.context import Context

from tasks import logs as work
from tasks.commands import stage
from tests.security.cloud import AWS
from tests.tasks.operators import refused

API, JOB, GATEWAY = "/aws/lambda/grail-dev", "/aws/lambda/grail-dev-clean_up", "/aws/apigateway/grail-dev"
REQUEST = {
    "time": "2026-01-01T00:00:00.000Z",
    "level": "INFO",
    "message": "request",
    "stage": "dev",
    "build": "1a2b3c",
    "request_id": "5f0c-1",
    "method": "GET",
    "route": "/api/v1/users",
    "operation": "list_users",
    "status": 200,
    "latency_ms": 12.5,
    "_aws": {"Timestamp": 1},
}
FAILURE = {**REQUEST, "level": "ERROR", "status": 503, "request_id": "5f0c-2", "exception": "a\nb"}
REPORT = "REPORT RequestId: 5f0c-1\tDuration: 12.50 ms"
TIMEOUT = "5f0c-1 Task timed out after 15.00 seconds"
CRASH = "[ERROR] Runtime.ImportModuleError: Unable to import module 'app'"


class Logs:
    """CloudWatch Logs, with a stream in each group."""

    def __init__(self) -> None:
        self.client = AWS.client("logs")
        self.groups: list[str] = []

    def write(self, group: str, *messages: object, age: float = 0) -> None:
        """Write lines, of which each is a millisecond younger than the one before."""
        if group not in self.groups:
            self.groups.append(group)
            self.client.create_log_group(logGroupName=group)
            self.client.create_log_stream(logGroupName=group, logStreamName="one")
        first = int((time.time() - age) * 1000)
        events = [
            {"timestamp": first + number, "message": text if isinstance(text, str) else json.dumps(text)}
            for number, text in enumerate(messages)
        ]
        self.client.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Logs]:
    """Nothing logged as yet."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    found = Logs()
    yield found
    for group in found.groups:
        found.client.delete_log_group(logGroupName=group)


def shown(capsys: pytest.CaptureFixture[str], **options: Any) -> list[str]:
    """What the task prints, without the times."""
    stage.logs(Context(), stage="dev", **options)
    return [line[25:] for line in capsys.readouterr().out.splitlines()]


def test_lines_are_shown_in_the_order_of_time(cloudwatch: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of all functions; JSON is made readable, what Lambda writes stays as it is."""
    cloudwatch.write(API, REQUEST, REPORT, age=5)
    cloudwatch.write(JOB, "START", age=60)
    assert shown(capsys) == [
        "START",
        "INFO  200  GET  /api/v1/users  12.5 ms  5f0c-1  operation=list_users",
        REPORT,
    ]


def test_older_lines_are_left_out(cloudwatch: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    """--since says how far back, ten minutes by default."""
    cloudwatch.write(API, "old", age=3000)
    cloudwatch.write(API, "new", age=300)
    assert shown(capsys) == ["new"]
    assert shown(capsys, since="1h") == ["old", "new"]


def test_errors_alone(cloudwatch: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    """Of JSON by level and status, of others by their words; with the trace below."""
    harmless = {**REQUEST, "message": "ERROR is but a word"}
    cloudwatch.write(API, REQUEST, FAILURE, REPORT, harmless, CRASH, {"status": 502}, TIMEOUT)
    stage.logs(Context(), stage="dev", errors=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line[25:] for line in (lines[0], *lines[3:])] == [
        "ERROR  503  GET  /api/v1/users  12.5 ms  5f0c-2  operation=list_users",
        CRASH,
        "502",
        TIMEOUT,
    ]
    assert lines[1:3] == ["a", "b"]


def test_one_request(cloudwatch: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line that names it, and no other; with what the gateway saw of it."""
    seen = {"request_id": "5f0c-1", "status": 200, "path": "/dev/api/v1/users"}
    cloudwatch.write(API, REQUEST, FAILURE, REPORT)
    cloudwatch.write(GATEWAY, seen, age=-1)
    assert not any("path=" in line for line in shown(capsys))
    found = shown(capsys, request_id="5f0c-1")
    assert (len(found), found[-1]) == (3, "200  5f0c-1  path=/dev/api/v1/users")
    assert shown(capsys, request_id="5f0c-3") == []


def test_following_shows_each_line_once(cloudwatch: Logs) -> None:
    """What is there, then what comes, though CloudWatch shows some of it late."""
    cloudwatch.write(API, "first", age=1)
    later = iter(["second", "third"])

    def sleep(_: float) -> None:
        cloudwatch.write(API, next(later), age=4)

    reader = work.Reader(cloudwatch.client, [API])
    lines = islice(reader.follow(int((time.time() - 60) * 1000), sleep), 3)
    assert [line[25:] for line in lines] == ["first", "second", "third"]


def test_a_stage_that_never_ran_has_no_lines(cloudwatch: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    """That is no error."""
    assert shown(capsys) == []


def test_more_than_a_page_is_shown(cloudwatch: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    """Paged; CloudWatch gives 10,000 lines at a time."""
    for start in range(0, 10_500, 2100):
        cloudwatch.write(API, *(f"line {number}" for number in range(start, start + 2100)), age=100)
    assert len(shown(capsys)) == 10_500


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "A local stage logs to the terminal that `make run` runs in."),
        ({"stage": "dev", "since": "soon"}, "--since is a number with a unit: 90s, 10m, 2h or 1d."),
        ({"stage": "dev", "request_id": 'a" OR "b'}, "--request-id is an id"),
        ({"stage": "nowhere"}, "--stage is one of"),
    ],
)
def test_wrong_arguments_are_one_line(options: dict[str, str], words: str) -> None:
    """And status 2."""
    refused(words, stage.logs, **options)
