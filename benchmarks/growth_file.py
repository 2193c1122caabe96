"""Copies items inside the file of DynamoDB Local, a SQLite database: a million in minutes.

BatchWriteItem takes an hour for them. The engine has written the model; copies differ from it in ids, numbers
and hashes of keys only, and the engine reads them as its own, while it runs.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import reduce
from pathlib import Path

from chalicelib.db.table import Item

NAME = "shared-local-instance.db"  # with -sharedDb
SALT = b"LocalDdb"  # of the engine's hashes of keys, by which it pages through an index
READ = "itemSize, hashKey, rangeKey, ObjectJSON, indexKey_0, indexKey_1"
WRITTEN = f"({READ}, hashValue, rangeValue, hashRangeValue) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


def multiply(folder: Path, model: Sequence[str], copies: Iterable[Sequence[str]]) -> None:
    """Replace the items of a model by copies of them.

    :param model: texts in its items that others take the place of; the first one is in each of them.
    :param copies: for each copy, those others, of the same lengths.
    """
    table, found = f'"{Item.Meta.table_name}"', [model[0].encode()]
    with closing(sqlite3.connect(folder / NAME, timeout=60)) as file, file:
        file.execute("PRAGMA cache_size = -1000000")  # KB: keys are inserted all over the indexes
        rows = file.execute(f"SELECT {READ} FROM {table} WHERE instr(ObjectJSON, ?)", found).fetchall()  # noqa: S608 - our own names
        file.execute(f"DELETE FROM {table} WHERE instr(ObjectJSON, ?)", found)  # noqa: S608
        copied = (_copied(row, model, texts) for texts in copies for row in rows)
        file.executemany(f"INSERT INTO {table} {WRITTEN}", copied)


def _copied(row: Sequence[bytes], model: Sequence[str], texts: Sequence[str]) -> list[bytes]:
    pairs = [(old.encode(), new.encode()) for old, new in zip(model, texts, strict=True)]
    size, *columns = row
    # of an item that is in no index, these columns are empty
    found = [column and reduce(lambda text, pair: text.replace(*pair), pairs, column) for column in columns]
    hashes = [_hash(key) for key in found[:2]]
    return [size, *found, *hashes, _hash(*hashes)]


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha1(SALT + b"".join(parts), usedforsecurity=False).digest()
