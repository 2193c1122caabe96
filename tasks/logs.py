"""What a stage's functions logged, from CloudWatch, in the order of time."""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.settings import Settings
from tasks.calls import TaskError
from tasks.stages import functions_of

SINCE = re.compile(r"([1-9][0-9]{0,5})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
ID = re.compile(r"[A-Za-z0-9_=-]{1,128}")
# What CloudWatch may take to show an event, which must not be missed meanwhile.
LATE = 10_000  # milliseconds
PAUSE = 2.0  # seconds between two looks
FAILED = re.compile(r"\[ERROR\]|Traceback|Task timed out|Runtime exited|\bERROR\b|\bCRITICAL\b")
FIRST = ("level", "status", "method", "route", "latency_ms", "request_id")
# The same in every line, or read by CloudWatch alone.
HIDDEN = {"time", "stage", "build", "_aws", "message", "exception", *FIRST}


@dataclass
class Reader:
    """Reads the log groups of a stage.

    :param client: of CloudWatch Logs.
    :param request_id: lines that name it alone.
    :param errors: what went wrong alone.
    """

    client: Any
    groups: list[str]
    request_id: str = ""
    errors: bool = False
    _seen: set[str] = field(default_factory=set)

    def lines(self, since: int) -> Iterator[str]:
        """Give the lines that are new, the first ones first.

        :param since: milliseconds since 1970.
        """
        events = merge(
            *(self._events(group, since) for group in self.groups), key=lambda event: event["timestamp"]
        )
        for event in events:
            # a cloud on this machine numbers no events
            name = event.get("eventId") or f"{event['timestamp']} {event['message']}"
            if name not in self._seen:
                self._seen.add(name)
                message = event["message"].rstrip()
                if not self.errors or is_error(message):
                    yield render(message, event["timestamp"])

    def _events(self, group: str, since: int) -> Iterator[dict[str, Any]]:
        wanted = {"filterPattern": f'"{self.request_id}"'} if self.request_id else {}
        pages = self.client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=since, **wanted
        )
        try:
            yield from sorted(
                (event for page in pages for event in page["events"]), key=lambda event: event["timestamp"]
            )
        except ClientError as error:
            # a function that never ran
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise

    def follow(self, since: int, sleep: Callable[[float], Any] = time.sleep) -> Iterator[str]:
        """Give the lines that are there, and then those that come."""
        while True:
            started = int(time.time() * 1000)
            yield from self.lines(since)
            since = max(since, started - LATE)
            sleep(PAUSE)


def reader_of(settings: Settings, client: Any, request_id: str, *, errors: bool) -> Reader:
    """Make the reader of a stage's logs.

    :raises TaskError: the id is none, or the stage is local: it logs to a terminal.
    """
    if settings.is_local:
        raise TaskError("A local stage logs to the terminal that `make run` runs in.")
    if request_id and not ID.fullmatch(request_id):
        raise TaskError("--request-id is an id as problems and the X-Request-Id of an answer have it.")
    functions = functions_of(settings.stage)
    groups = [f"/aws/lambda/{name}" for name in functions]
    if request_id:
        # what the gateway saw of it, which may be all there is; of all requests it would be too much
        groups.append(f"/aws/apigateway/{next(iter(functions))}")
    return Reader(client, groups, request_id, errors)


def milliseconds(since: str, now: float) -> int:
    """Give the moment that lies this long back, in milliseconds since 1970.

    :param since: such as 90s, 10m, 2h or 1d.
    :param now: seconds since 1970.
    :raises TaskError: it is no length of time.
    """
    match = SINCE.fullmatch(since)
    if not match:
        raise TaskError("--since is a number with a unit: 90s, 10m, 2h or 1d.")
    return int((now - int(match[1]) * SECONDS[match[2]]) * 1000)


def is_error(message: str) -> bool:
    """Tell whether a line is about something that went wrong."""
    fields = _fields(message)
    if fields is None:
        return FAILED.search(message) is not None
    return fields.get("level") in ("ERROR", "CRITICAL") or _status(fields) >= 500


def render(message: str, timestamp: int) -> str:
    """Write a line for people: of JSON what tells most, all else as it is.

    :param timestamp: milliseconds since 1970.
    """
    clock = time.strftime("%F %T", time.gmtime(timestamp / 1000)) + f".{timestamp % 1000:03}"
    fields = _fields(message)
    if fields is None:
        return f"{clock}  {message}"
    parts = [_shown(name, fields[name]) for name in FIRST if name in fields]
    text = [str(fields["message"])] if fields.get("message") not in (None, "request") else []
    rest = [f"{name}={value}" for name, value in fields.items() if name not in HIDDEN]
    trace = [f"\n{fields['exception']}"] if "exception" in fields else []
    return "  ".join([clock, *parts, *text, *rest]) + "".join(trace)


def _shown(name: str, value: object) -> str:
    return f"{value} ms" if name == "latency_ms" else str(value)


def _status(fields: dict[str, Any]) -> int:
    status = fields.get("status")
    return status if isinstance(status, int) else 0


def _fields(message: str) -> dict[str, Any] | None:
    try:
        found = json.loads(message)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def show(lines: Iterable[str]) -> None:
    """Print lines as they come; Ctrl-C is how one leaves."""
    try:
        for line in lines:
            print(line, flush=True)
    except KeyboardInterrupt:
        return
