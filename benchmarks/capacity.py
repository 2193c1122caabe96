"""What each operation costs: capacity units as AWS bills them, requests to the table, CPU time, money.

`python -m benchmarks.capacity` prints the table of docs/scaling.md; it needs a JDK of version 17 or newer,
and Maven, for AWS's DynamoDB Local.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data import Data, fill
from benchmarks.metering import metered
from benchmarks.operations import OPERATIONS, TEAMS
from chalicelib.db.table import Item, create_table
from tests.http import Answer, Client, InProcess
from tests.integration.dynamodb_local import running

SIZE = 104  # a page of every list, and the hundred members that a team shows
ROUNDS = 3
PATIENCE = 600.0  # seconds that DynamoDB Local may take to delete a table

# US dollars in us-east-1, by AWS's price pages in 2026; for another region, change them here.
READ_UNIT, WRITE_UNIT = 0.125e-6, 0.625e-6  # DynamoDB on demand
GATEWAY = 3.50e-6  # a REST API's request
INVOCATION, GIGABYTE_SECOND = 0.20e-6, 16.6667e-6  # Lambda on x86
LOG_BYTE = 0.50e-9  # what CloudWatch takes in

MEMORY = 1024 / 1024  # GB, lambda_memory_size in .chalice/config.json
CPUS = 1024 / 1769  # that memory comes with (AWS: 1,769 MB is one vCPU)
TRIP = 0.005  # seconds that a request to DynamoDB takes within a region
LOGGED = 1200  # bytes of log for a request: the function's line and the gateway's


@dataclass(frozen=True)
class Cost:
    """What one request uses.

    :param reads: capacity units, those of the index included; so writes.
    :param trips: requests to the table.
    """

    reads: float
    writes: float
    trips: int


def price(cost: Cost, cpu: float) -> float:
    """Compute the dollars for a million requests.

    :param cpu: seconds of one of this machine's processors, taken for one of Lambda's.
    """
    seconds = cpu / CPUS + cost.trips * TRIP
    table = cost.reads * READ_UNIT + cost.writes * WRITE_UNIT
    return 1e6 * (table + GATEWAY + INVOCATION + seconds * MEMORY * GIGABYTE_SECOND + LOGGED * LOG_BYTE)


def costs(client: Client, size: int) -> dict[str, Cost]:
    """Call every operation once, on a separate table, and return what each one uses."""
    found = {}
    with filled(client, size) as data:
        for name, call in OPERATIONS.items():
            with metered() as meter:
                _succeed(name, call(data))
            found[name] = Cost(meter.reads, meter.writes, meter.trips)
    return found


def cpu_times(client: Client) -> dict[str, float]:
    """Call every operation once without metering, and return its CPU time in seconds."""
    found = {}
    with filled(client, SIZE) as data:
        for name, call in OPERATIONS.items():
            before = time.process_time()
            _succeed(name, call(data))
            found[name] = time.process_time() - before
    return found


def _succeed(name: str, answer: Answer) -> None:
    if answer.status >= 400:
        raise RuntimeError(f"{name} says nothing: {answer.status} {answer.body!r}")


@contextmanager
def filled(client: Client, size: int) -> Iterator[Data]:
    """Yield data in a table that is deleted afterwards."""
    create_table()
    try:
        data = fill(client, size)
        data("GET", TEAMS)  # the first list of a process reads more, to learn how many shards counters have
        yield data
    finally:
        Item.delete_table()


def row(name: str, cost: Cost, cpu: float) -> str:
    """Format a row of the table; the price follows from the rounded figures in it."""
    milliseconds = max(1, round(1000 * cpu))
    dollars = price(cost, milliseconds / 1000)
    return f"| {name} | {cost.trips} | {cost.reads:g} | {cost.writes:g} | {milliseconds} | {dollars:.2f} |"


def table(client: Client) -> list[str]:
    """Measure everything; the CPU time is the lowest of several rounds.

    What uses no table costs as much as anything else that does not, and has one row.
    """
    rounds = [cpu_times(client) for _ in range(ROUNDS)]
    found = {name: cost for name, cost in costs(client, SIZE).items() if cost.trips}
    rows = [row(name, cost, min(each[name] for each in rounds)) for name, cost in found.items()]
    return [*rows, row("any other operation", Cost(0, 0, 0), 0)]


@contextmanager
def on_dynamodb_local(*where: str) -> Iterator[Client]:
    """Start DynamoDB Local, and yield a client of the application on it, in this process.

    :param where: options that say where its data is; in memory by default.
    """
    Item.Meta.read_timeout_seconds = PATIENCE
    with running(*where) as endpoint, tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            STAGE="test",  # which sends no email
            EMAIL_VERIFICATION="off",
            TABLE_NAME="grail-benchmark",
            DYNAMODB_ENDPOINT=endpoint,
            SECRETS=f"file:{Path(folder) / 'secrets.json'}",
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",  # noqa: S106 - DynamoDB Local takes anything
        )
        import app  # noqa: PLC0415 - it reads the environment when it is imported

        yield Client(InProcess(app.app))


def main() -> None:
    """Print the costs on a table with a hundred items of each kind."""
    with on_dynamodb_local() as client:
        lines = table(client)
    titles = ("operation", "requests to the table", "RCU", "WCU", "CPU ms", "$ per million")
    head = f"| {' | '.join(titles)} |\n|---|{'---:|' * (len(titles) - 1)}"
    sys.stdout.write("\n".join([head, *lines, ""]))


if __name__ == "__main__":
    main()
