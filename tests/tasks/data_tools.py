"""Exports for tests: of a table in this process or behind an engine, into another one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chalicelib.db.table import Item, connection, create_table
from tasks.data import copy

OTHER = "grail-restored"


@contextmanager
def other_table() -> Iterator[None]:
    """Point everybody at another table, an empty one."""
    before, table = connection(), Item.Meta.table_name
    try:
        Item.Meta.table_name = OTHER
        Item.disconnect()
        create_table()
        yield
        Item.delete_table()
    finally:
        Item.Meta.table_name = table
        Item.disconnect()
        Item._shared = before


@contextmanager
def restored(folder: Path) -> Iterator[None]:
    """Export the table, and point everybody at another one with what was imported there."""
    path = folder / "export.jsonl.gz"
    count = copy.export(path)
    with other_table():
        assert copy.load(path) == (count, 0)
        yield
