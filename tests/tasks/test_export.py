"""`invoke db.export` and `invoke db.import`: complete files or none, imports with one result."""

import gzip
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chalicelib.db.table import connection
from chalicelib.users.models import User
from tasks.data import copy
from tasks.errors import TaskError
from tasks.seed import seed
from tests.faults import Killed, killed_before_write, wire
from tests.support import MakeUser, RawItem, dump_table
from tests.tasks.data_tools import other_table


@pytest.fixture
def items(make_user: MakeUser) -> list[RawItem]:
    """What is in the table."""
    seed()
    for number in range(10):
        make_user(f"user{number}")
    return dump_table()


@pytest.fixture
def exported(items: list[RawItem], tmp_path: Path) -> Path:
    """An export of it."""
    path = tmp_path / "export.jsonl.gz"
    assert copy.export(path) == len(items)
    return path


def test_a_line_is_an_item_as_dynamodb_exports_it(items: list[RawItem], exported: Path) -> None:
    """{"Item": …} in DynamoDB's JSON, compressed by gzip."""
    lines = gzip.decompress(exported.read_bytes()).splitlines()
    found = [json.loads(line)["Item"] for line in lines]
    assert sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"])) == items


def test_only_its_owner_can_read_an_export(exported: Path) -> None:
    """Behaviour 28: mode 600, and nothing else stays behind."""
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    assert list(exported.parent.iterdir()) == [exported]


def test_an_export_overwrites_nothing(exported: Path) -> None:
    """An existing file is not overwritten."""
    before = exported.read_bytes()
    with pytest.raises(TaskError, match="exists already"):
        copy.export(exported)
    assert exported.read_bytes() == before


def test_an_export_that_fails_leaves_nothing(items: list[RawItem], tmp_path: Path) -> None:
    """No half-written file, whatever happens."""

    def fail(sent: Any, forward: Any) -> Any:
        if sent.operation == "Scan":
            raise Killed
        return forward()

    with wire(fail), pytest.raises(Killed):
        copy.export(tmp_path / "export.jsonl.gz")
    assert list(tmp_path.iterdir()) == []


def test_an_import_gives_the_same_table(items: list[RawItem], exported: Path) -> None:
    """Item by item."""
    with other_table():
        assert copy.load(exported) == (len(items), 0)
        assert dump_table() == items


def _change(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _replace(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:1000]),
    "without its last byte": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "changed": _change,
    "not compressed": lambda path: path.write_text("{}"),
    "empty": lambda path: path.write_bytes(b""),
    "another file": lambda path: _replace(path, b"[1, 2]"),
    "no text": lambda path: _replace(path, b"\xff\xfe\n"),
    "another table's": lambda path: _replace(path, b'{"Item": {"id": {"S": "1"}}}'),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_refused_before_anything_is_written(exported: Path, name: str) -> None:
    """A cut or changed file gets one line, and the table stays empty."""
    DAMAGES[name](exported)
    with other_table():
        with pytest.raises(TaskError, match=r"is cut, damaged or not an export|is empty") as caught:
            copy.load(exported)
        assert (dump_table(), len(str(caught.value).splitlines())) == ([], 1)


def test_an_import_wants_an_empty_table(exported: Path, items: list[RawItem]) -> None:
    """What is there is not written over."""
    with pytest.raises(TaskError, match="--merge"):
        copy.load(exported)
    assert dump_table() == items


def test_a_merge_leaves_newer_items_alone(exported: Path, items: list[RawItem]) -> None:
    """An item that was written since the export stays, one that is older is replaced."""
    newer, older = [item for item in items if item["kind"]["S"] == "user"][:2]
    ada = User.from_raw_data(newer)
    ada.update([User.first_name.set("Ada")])
    put({**older, "version": {"N": "0"}, "first_name": {"S": "of old"}})
    assert copy.load(exported, merge=True) == (1, len(items) - 1)
    found = {item["pk"]["S"]: item for item in dump_table() if item["kind"]["S"] == "user"}
    assert found[older["pk"]["S"]] == older
    assert (found[ada.pk]["first_name"]["S"], found[ada.pk]["version"]["N"]) == ("Ada", "2")


def test_an_import_that_was_killed_is_repeated(exported: Path, items: list[RawItem]) -> None:
    """It does not start again by itself; --merge resumes it, and the table is the same in the end."""
    with other_table():
        with wire(killed_before_write(5)), pytest.raises(Killed):
            copy.load(exported)
        done = len(dump_table())
        assert 5 <= done < len(items)
        with pytest.raises(TaskError, match="--merge"):
            copy.load(exported)
        assert copy.load(exported, merge=True) == (len(items) - done, done)
        assert dump_table() == items


def test_an_export_by_dynamodb_is_imported(items: list[RawItem], tmp_path: Path) -> None:
    """Point-in-time exports to S3 have the same lines, in several files."""
    write_as_dynamodb(tmp_path, items)
    with other_table():
        assert copy.load(tmp_path) == (len(items), 0)
        assert dump_table() == items


def write_as_dynamodb(folder: Path, items: list[RawItem]) -> None:
    """Write two data files and their manifest."""
    (folder / "data").mkdir()
    entries = []
    for number, part in enumerate((items[:20], items[20:])):
        lines = b"".join(json.dumps({"Item": item}).encode() + b"\n" for item in part)
        (folder / "data" / f"{number}.json.gz").write_bytes(gzip.compress(lines))
        entries.append(json.dumps({"itemCount": len(part), "dataFileS3Key": f"a/b/data/{number}.json.gz"}))
    (folder / copy.MANIFEST).write_text("\n".join(entries))


@pytest.mark.parametrize("name", ["data/1.json.gz", copy.MANIFEST])
def test_an_export_with_a_missing_file_is_refused(items: list[RawItem], tmp_path: Path, name: str) -> None:
    """Nothing is written of an export that is not all there."""
    write_as_dynamodb(tmp_path, items)
    (tmp_path / name).unlink()
    with other_table():
        with pytest.raises(TaskError, match="ownload the whole folder"):
            copy.load(tmp_path)
        assert dump_table() == []


def test_every_type_of_value_survives(table: None, tmp_path: Path) -> None:
    """Also those that no kind of item has today."""
    put(
        {
            "pk": {"S": "é\u2028"},
            "sk": {"S": "x"},
            "kind": {"S": "unknown"},
            "values": {
                "L": [{"B": b"\x00\xff"}, {"BS": [b"\x01", b"\x02"]}, {"NULL": True}, {"BOOL": False}]
            },
            "map": {"M": {"B": {"S": "no bytes"}, "BS": {"NS": ["1", "2.50"]}, "SS": {"SS": ["a"]}}},
            "number": {"N": "9" * 38},
        }
    )
    stored = dump_table()
    copy.export(tmp_path / "export")
    with other_table():
        copy.load(tmp_path / "export")
        assert dump_table() == stored


def put(item: Any) -> None:
    """Write an item past all code."""
    connection().connection.client.put_item(TableName=connection().table_name, Item=item)
