"""Whatever the table holds, requests cost the same, as docs/scaling.md says."""

import re

import pytest
from pynamodb.connection import TableConnection

import app as application
from benchmarks.growth import REQUESTS, Figures, measure
from chalicelib.db.table import Item
from tests.architecture.source import ROOT
from tests.http import Client, InProcess

pytestmark = pytest.mark.integration
SIZES = (100, 1000)
ROW = re.compile(
    r"^\| ([a-z, -]+) \| ([\d ./]+) \| ([\d ./]+) \| ([\d ./]+) \|(?: [\d.]+ \|){3}$", re.MULTILINE
)


@pytest.fixture(scope="module")
def measured(shared: TableConnection) -> list[dict[str, Figures]]:
    """The figures at two sizes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Item, "_shared", shared)
        client = Client(InProcess(application.app))
        return [measure(client, size, rounds=1) for size in SIZES]


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_costs_the_same_in_a_larger_table(name: str, measured: list[dict[str, Figures]]) -> None:
    """Round trips, and units of reads and writes."""
    small, large = measured
    assert large[name].cost == small[name].cost


def test_the_page_says_what_is_measured(measured: list[dict[str, Figures]]) -> None:
    """The table of docs/scaling.md has the same costs, for a million items, too."""
    text = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    costs = {name: each.cost for name, each in measured[0].items()}
    wanted = {name: (f"{cost.trips}", f"{cost.reads:g}", f"{cost.writes:g}") for name, cost in costs.items()}
    assert {name: tuple(cells) for name, *cells in ROW.findall(text)} == wanted
