"""What operations cost on AWS's DynamoDB Local, whatever the table holds, as docs/scaling.md has it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from pynamodb.connection import TableConnection

import app as application
from benchmarks.capacity import SIZE, Cost, costs, filled, price
from benchmarks.metering import size_of
from benchmarks.operations import OPERATIONS, UNMEASURED
from chalicelib.db import keys
from chalicelib.db.companions import cascades_of
from chalicelib.db.table import Item, connection
from chalicelib.teams.models import Team
from chalicelib.telemetry.measure import running
from tests.api.owned import RESOURCES
from tests.architecture.source import ROOT
from tests.http import Client, InProcess

pytestmark = pytest.mark.integration
ROW = re.compile(r"\| (\w+ /.*) \| (\d+) \| ([\d.]+) \| ([\d.]+) \| (\d+) \| ([\d.]+) \|")


@pytest.fixture(scope="module")
def measured(shared: TableConnection) -> tuple[dict[str, Cost], dict[str, Cost]]:
    """The costs on a small table, and on one of twice the size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Item, "_shared", shared)
        client = Client(InProcess(application.app))
        return costs(client, SIZE), costs(client, 2 * SIZE)


@pytest.fixture(scope="module")
def documented() -> dict[str, tuple[Cost, float, float]]:
    """The cost, the CPU time and the price of each operation, as the page says."""
    text = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    return {
        name: (Cost(float(reads), float(writes), int(trips)), int(cpu) / 1000, float(dollars))
        for name, trips, reads, writes, cpu, dollars in ROW.findall(text)
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_cost_does_not_grow_with_the_data(
    name: str, measured: tuple[dict[str, Cost], dict[str, Cost]]
) -> None:
    """With twice as many users, teams, members and clients, an operation costs the same."""
    small, large = measured
    assert large[name] == small[name]


def test_the_page_says_what_is_measured(
    measured: tuple[dict[str, Cost], dict[str, Cost]], documented: dict[str, tuple[Cost, float, float]]
) -> None:
    """docs/scaling.md computes its figures from measured capacity units; resources of yours add notes."""
    expected = {name: cost for name, (cost, _, _) in documented.items()}
    notes = len(list(cascades_of(Team.at(keys.team("any"), id="any"))))
    deletion = expected["DELETE /api/v1/teams/{team_id}"]
    expected["DELETE /api/v1/teams/{team_id}"] = replace(deletion, writes=deletion.writes + 2 * notes)
    assert expected == {name: cost for name, cost in measured[0].items() if cost.trips}


def test_the_page_multiplies_well(documented: dict[str, tuple[Cost, float, float]]) -> None:
    """The cost per million requests follows from what stands beside it."""
    assert documented
    for cost, cpu, dollars in documented.values():
        assert dollars == round(price(cost, cpu), 2)


def test_every_operation_is_measured() -> None:
    """The cost by route, but for those that are said to be left out, and generated ones."""
    routes = {
        f"{method} {path}" for path, operations in application.api.operations.items() for method in operations
    }
    measured = {name.split(" (")[0] for name in OPERATIONS}
    of_yours = {route for route in routes if RESOURCES.keys() & set(route.split("/"))}
    assert (routes - measured - of_yours, measured - routes) == (set(UNMEASURED), set())


def test_the_size_of_an_item() -> None:
    """AWS: names and values in UTF-8, a byte for two digits and one more, three for a list or map."""
    item: dict[str, dict[str, Any]] = {
        "pk": {"S": "é"},
        "n": {"N": "-12.5"},
        "b": {"BOOL": True},
        "l": {"L": [{"S": "ab"}]},
    }
    assert size_of(item) == (2 + 2) + (1 + 3) + (1 + 1) + (1 + 3 + 1 + 2)


def test_the_log_line_tells_what_the_engine_charges(
    shared: TableConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reads and writes of a request, as DynamoDB itself says them."""
    monkeypatch.setattr(Item, "_shared", shared)
    taken = {}
    with filled(Client(InProcess(application.app)), 4) as data:
        for path, body in (("/api/v1/users/me", None), ("/api/v1/teams", {"title": "Looms"})):
            with charges() as charged:
                assert data("POST" if body else "GET", path, body).status < 300
            measurement = running()
            assert measurement
            taken[path] = [measurement.fields[name] for name in ("read_units", "write_units")]
            assert sum(map(float, taken[path])) == sum(charged)
    assert (taken["/api/v1/users/me"][1], float(taken["/api/v1/teams"][1]) > 0) == (0, True)


@contextmanager
def charges() -> Iterator[list[float]]:
    """What the engine says of each request, heard beside the application."""
    charged: list[float] = []

    def hear(parsed: dict[str, Any], **_: Any) -> None:
        found = parsed.get("ConsumedCapacity", [])
        charged.extend(entry["CapacityUnits"] for entry in (found if isinstance(found, list) else [found]))

    events = connection().connection.client.meta.events
    events.register("after-call.dynamodb", hear)
    try:
        yield charged
    finally:
        events.unregister("after-call.dynamodb", hear)
