"""Items as tests write them: each write is a transaction of its own."""

from typing import Any

from chalicelib.db.table import Item, T
from chalicelib.db.transaction import Transaction


def put(item: T) -> T:
    """Write a new item."""
    work = Transaction()
    work.put(item)
    work.commit()
    return item


def change(item: Item, **values: Any) -> None:
    """Change attributes of an item."""
    work = Transaction()
    work.change(item, values)
    work.commit()


def delete(item: Item) -> None:
    """Delete an item."""
    work = Transaction()
    work.delete(item)
    work.commit()
