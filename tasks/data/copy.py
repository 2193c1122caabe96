"""`invoke db.export` and `invoke db.import`: all items of a table into a file, and back into another one.

A file has an item to a line, {"Item": {"pk": {"S": "…"}, …}}, and is compressed by gzip, as DynamoDB's own
exports to S3 are. By gzip's checksum, a file that was cut or damaged is noticed before anything is written.
"""

import base64
import gzip
import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

from tasks.data import table
from tasks.data.table import RawItem
from tasks.errors import TaskError

WRITERS = 8  # conditional writes at the same time
BATCH = 1000  # items that are in memory at the same time
MANIFEST = "manifest-files.json"
UNREADABLE = (EOFError, zlib.error, gzip.BadGzipFile, ValueError, KeyError, TypeError)


def export(path: Path) -> int:
    """Write all items to a new file that only its owner can read, and return their number.

    :raises TaskError: the file exists already.
    """
    if path.exists():
        raise TaskError(f"{path} exists already: choose another name.")
    count = 0
    with _new_file(path) as out:
        for page in table.pages():
            for item in page["Items"]:
                json.dump({"Item": item}, out, default=_encoded, ensure_ascii=False, separators=(",", ":"))
                out.write("\n")
            count += page["Count"]
    return count


@contextmanager
def _new_file(path: Path) -> Iterator[IO[str]]:
    """Create a file under a passing name, and rename it when all of it is on the disk."""
    number, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as raw:
            with gzip.open(raw, "wt", encoding="utf-8") as out:
                yield out
            raw.flush()
            os.fsync(raw.fileno())
        Path(unfinished).rename(path)
    except BaseException:
        Path(unfinished).unlink()
        raise


def load(path: Path, *, merge: bool = False) -> tuple[int, int]:
    """Write all items of an export into the table, after the whole export was read.

    Stopped anywhere, it is repeated with `merge`, and ends the same.

    :param path: a file of `export`, or the folder of a DynamoDB export to S3, with its manifest.
    :param merge: the table may hold items: those that it has in the same version or a newer one stay.
    :returns: how many were written, and how many were not, since the table's are as new.
    :raises TaskError: the file is cut or damaged, or the table is not empty; nothing was written.
    """
    count = sum(1 for _ in read(path))
    if not count:
        raise TaskError(f"{path} is empty.")
    if not merge and not table.is_empty():
        raise TaskError(
            f"{table.name()} holds items already. Import into an empty table; --merge adds what is missing,"
            " replaces what is older, and resumes an import that was stopped."
        )
    written, items = 0, read(path)
    with ThreadPoolExecutor(WRITERS) as pool:
        while batch := list(islice(items, BATCH)):
            written += sum(pool.map(table.put_newer, batch))
    return written, count - written


def read(path: Path) -> Iterator[RawItem]:
    """Read the items of an export one by one.

    :raises TaskError: a file is cut or damaged, or no export of such a table.
    """
    for file in _files(path):
        try:
            with gzip.open(file, "rt", encoding="utf-8") as lines:
                for line in lines:
                    item = json.loads(line, object_hook=_decoded)["Item"]
                    _ = item["pk"], item["sk"]
                    yield item
        except UNREADABLE as error:
            raise TaskError(f"{file} is cut, damaged or not an export of Grail's table: {error!r}") from error


def _files(path: Path) -> list[Path]:
    """Return the files of an export; of one by DynamoDB, all that its manifest lists have to be there."""
    if not path.is_dir():
        return [path]
    try:
        entries = (path / MANIFEST).read_text("utf-8").splitlines()
        names = [Path(json.loads(entry)["dataFileS3Key"]).name for entry in entries]
    except (*UNREADABLE, OSError) as error:
        raise TaskError(f"{path} has no {MANIFEST} of DynamoDB: download the whole folder.") from error
    files = [path / "data" / name for name in names]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise TaskError(f"{missing[0]} is missing: {MANIFEST} lists it. Download the whole folder.")
    return files


# DynamoDB's JSON has binary values in base64; botocore has them as bytes
def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _decoded(value: dict[str, Any]) -> dict[str, Any]:
    match value:
        case {"B": str(text)}:
            return {"B": base64.b64decode(text)}
        case {"BS": list(texts)}:
            return {"BS": [base64.b64decode(text) for text in texts]}
    return value
