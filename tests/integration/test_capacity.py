"""What operations cost on AWS's DynamoDB Local, whatever the table holds."""

import pytest
from pynamodb.connection import TableConnection

import app as application
from benchmarks.capacity import OPERATIONS, SIZE, Cost, fill, measure
from chalicelib.db.table import Item, create_table
from tests.http import Client, InProcess

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def costs(shared: TableConnection) -> tuple[dict[str, Cost], dict[str, Cost]]:
    """The costs on a small table, and on one of twice the size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Item, "_shared", shared)
        return measured(SIZE), measured(2 * SIZE)


def measured(size: int) -> dict[str, Cost]:
    """Measure all operations on a table of its own."""
    create_table()
    try:
        return measure(fill(Client(InProcess(application.app)), size))
    finally:
        Item.delete_table()


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_cost_does_not_grow_with_the_data(
    name: str, costs: tuple[dict[str, Cost], dict[str, Cost]]
) -> None:
    """DESIGN §4: with twice as many users, teams, members and clients, an operation costs the same."""
    small, large = costs
    assert large[name] == small[name]
    assert small[name].reads > 0
