"""`invoke db.export` and `invoke db.import`: all items of a table into a file, and back into another one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tasks.data import files, table
from tasks.data.table import RawItem
from tasks.progress import bar

WRITERS = 8  # conditional writes at the same time


class ImportRefusedError(Exception):
    """The table holds items already."""


def export(path: Path) -> int:
    """Write all items to a new file, and return their number.

    Each item is as it was when it was read; what is written in the meantime may be in the file or not. For a
    consistent snapshot, stop writing, or take DynamoDB's point-in-time export.

    :raises FileError: the file can't be written.
    """
    return files.write(path, _read())


def _read() -> Iterator[RawItem]:
    with bar(table.size()) as drawn:
        for page in table.pages():
            yield from page["Items"]
            drawn.add(page["Count"])


def load(path: Path, *, merge: bool = False) -> tuple[int, int]:
    """Write all items of an export into the table, after the whole file was checked.

    Stopped anywhere, it is repeated with `merge`, and ends the same.

    :param merge: the table may hold items: those that it has in the same version or a newer one stay.
    :returns: how many were written, and how many were not, since the table's are as new.
    :raises FileError: the file is no whole export; nothing was written.
    :raises ImportRefusedError: the table is not empty; nothing was written.
    """
    found = files.verified(path)
    if not merge and not table.is_empty():
        raise ImportRefusedError(
            f"{table.name()} holds items already. Import into an empty table; --merge adds what is missing,"
            " replaces what is older, and goes on with an import that was stopped."
        )
    written = 0
    with bar(found.count) as drawn, ThreadPoolExecutor(WRITERS) as pool:
        for batch in table.batches(found.items()):
            if merge:
                written += sum(pool.map(table.put_newer, batch))
            else:
                table.put_batch(batch)
                written += len(batch)
            drawn.add(len(batch))
    return written, found.count - written
