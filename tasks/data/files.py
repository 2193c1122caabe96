"""Exports as files: an item to a line, as in DynamoDB's own exports, and a last line that vouches for them.

Lines are {"Item": {"pk": {"S": "…"}, …}}; the last one has the number of items and the SHA-256 of all lines
before it. A file that was cut or changed is noticed before anything of it is written.
"""

import base64
import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tasks.data.table import RawItem

GZIP = b"\x1f\x8b"
LAST = "Export"
SUFFIX = ".gz"


class FileError(Exception):
    """A file can't be written or read; the message says why."""


@dataclass(frozen=True)
class Export:
    """An export that was verified.

    :param paths: the files with the items.
    :param count: of the items in all of them.
    """

    paths: list[Path]
    count: int

    def items(self) -> Iterator[RawItem]:
        """Read the items one by one."""
        for path in self.paths:
            for line in _lines(path):
                entry = _entry(path, line)
                if LAST not in entry:
                    yield _item(path, entry)


def write(path: Path, items: Iterable[RawItem]) -> int:
    """Write items to a new file that only its owner may read; an incomplete file never remains.

    :returns: how many.
    :raises FileError: the file already exists, or can't be written.
    """
    with _explained(path):
        if path.exists():
            raise FileError(f"{path} already exists.")
        with _new_file(path) as out:
            count, digest = 0, hashlib.sha256()
            for count, item in enumerate(items, 1):  # noqa: B007 - the last one is the count
                line = _encoded({"Item": item})
                digest.update(line)
                out.write(line)
            out.write(_encoded({LAST: {"items": count, "sha256": digest.hexdigest()}}))
    return count


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    # readable only by its owner, and renamed when it is completely on the disk
    number, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as raw:
            if path.name.endswith(SUFFIX):
                with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as packed:
                    yield packed  # type: ignore[misc]  # writes bytes, as any of them does
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        Path(unfinished).rename(path)
    except BaseException:
        Path(unfinished).unlink()
        raise


def verified(path: Path) -> Export:
    """Check that a file is complete: one of db.export, or the manifest of DynamoDB's own export.

    :raises FileError: it is not.
    """
    with _explained(path):
        first = _entry(path, next(_lines(path), b"{}"))
        return _verified_of_aws(path) if "dataFileS3Key" in first else _verified(path)


def _verified(path: Path) -> Export:
    count, digest, last = 0, hashlib.sha256(), None
    for line in _lines(path):
        if last is not None:
            raise FileError(f"{path} continues after its last line.")
        entry = _entry(path, line)
        if LAST in entry:
            last = entry[LAST]
            continue
        _item(path, entry)
        digest.update(line)
        count += 1
    if last is None:
        raise FileError(
            f"{path} has no last line, so it is cut. If DynamoDB wrote it, name its manifest-files.json."
        )
    if last != {"items": count, "sha256": digest.hexdigest()}:
        raise FileError(f"{path} is damaged: its items do not match its last line.")
    return Export([path], count)


def _verified_of_aws(manifest: Path) -> Export:
    """Check the files of an export to S3 that its manifest-files.json lists; they are in data/ beside it."""
    paths, total = [], 0
    for line in _lines(manifest):
        entry = _entry(manifest, line)
        path = manifest.parent / "data" / Path(str(entry["dataFileS3Key"])).name
        with path.open("rb") as file:
            found = hashlib.file_digest(file, _md5).digest()
        if base64.b64encode(found).decode() != entry["md5Checksum"]:
            raise FileError(f"{path} is not the file that {manifest.name} lists.")
        paths.append(path)
        total += int(entry["itemCount"])
    export = Export(paths, total)
    if sum(1 for _ in export.items()) != total:
        raise FileError(f"{manifest} lists a different number of items than its files have.")
    return export


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)  # it is what AWS gives


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        packed = file.peek(2)[:2] == GZIP
        yield from gzip.GzipFile(fileobj=file) if packed else file


def _entry(path: Path, line: bytes) -> dict[str, Any]:
    entry = json.loads(line, object_hook=_decoded)
    if not isinstance(entry, dict):
        raise FileError(f"{path}is not an export.")
    return entry


def _item(path: Path, entry: dict[str, Any]) -> RawItem:
    item = entry.get("Item")
    if not (isinstance(item, dict) and {"pk", "sk"} <= item.keys()):
        raise FileError(f"{path}is not an export of Grail's table.")
    return item


def _encoded(entry: dict[str, Any]) -> bytes:
    text = json.dumps(entry, default=_base64, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode() + b"\n"


def _base64(value: Any) -> Any:
    # DynamoDB's JSON has binary values in base64; botocore has them as bytes
    return base64.b64encode(bytes(value)).decode()


BINARY: dict[str, Callable[[Any], Any]] = {
    "B": base64.b64decode,
    "BS": lambda texts: [base64.b64decode(text) for text in texts],
}


def _decoded(value: dict[str, Any]) -> dict[str, Any]:
    for mark, decode in BINARY.items():
        if value.keys() == {mark} and isinstance(value[mark], str | list):
            return {mark: decode(value[mark])}
    return value


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileError(f"{path} is cut or damaged: {error}") from error
    except ValueError as error:
        raise FileError(f"{path}is cut off or not an export: {error}") from error
    except (OSError, KeyError) as error:
        raise FileError(str(error)) from error
