"""`invoke db.export` and `invoke db.import`: complete files or none, imports with one result."""

import base64
import gzip
import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from chalicelib.db.table import connection
from chalicelib.users.models import User
from tasks.data import copy, files, table
from tasks.data.copy import ImportRefusedError
from tasks.data.files import FileError
from tasks.seed import seed
from tests.faults import WRITES, Killed, killed_before_write, refusal, wire
from tests.support import MakeUser, RawItem, dump_table
from tests.tasks.data_tools import other_table


@pytest.fixture
def items(make_user: MakeUser) -> list[RawItem]:
    """What is in the table: more than one batch."""
    seed()
    for number in range(10):
        make_user(f"user{number}")
    return dump_table()


@pytest.fixture
def exported(items: list[RawItem], tmp_path: Path) -> Path:
    """An export of it."""
    path = tmp_path / "export.jsonl"
    assert copy.export(path) == len(items)
    return path


def test_a_line_is_an_item_as_dynamodb_exports_it(items: list[RawItem], exported: Path) -> None:
    """{"Item": …} in DynamoDB's JSON, then the line that vouches for all of them."""
    *lines, last = exported.read_bytes().splitlines(keepends=True)
    found = [json.loads(line)["Item"] for line in lines]
    assert sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"])) == items
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    assert json.loads(last) == {"Export": {"items": len(items), "sha256": digest}}


@pytest.mark.parametrize("name", ["export.jsonl", "export.jsonl.gz"])
def test_an_export_is_for_its_owner_alone(items: list[RawItem], tmp_path: Path, name: str) -> None:
    """Behaviour 28: mode 600; compressed where the name says so; nothing else stays behind."""
    path = tmp_path / name
    copy.export(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_an_export_overwrites_nothing(exported: Path) -> None:
    """An existing file is not overwritten."""
    before = exported.read_bytes()
    with pytest.raises(FileError, match="already exists"):
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


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_import_gives_the_same_table(items: list[RawItem], tmp_path: Path, suffix: str) -> None:
    """Item by item, compressed or not."""
    path = tmp_path / f"export.jsonl{suffix}"
    copy.export(path)
    with other_table():
        assert copy.load(path) == (len(items), 0)
        assert dump_table() == items


def _cut(path: Path, lines: int) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]))


def _change(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"user3@test.example", b"mallory@example.com", 1))


def _damage(path: Path) -> None:
    path.write_bytes(gzip.compress(path.read_bytes())[:-9])


DAMAGES: dict[str, tuple[Any, str]] = {
    "without its last line": (lambda path: _cut(path, -1), "no last line"),
    "cut in the middle of a line": (lambda path: path.write_bytes(path.read_bytes()[:1000]), "cut"),
    "empty": (lambda path: path.write_bytes(b""), "not an export|no last line"),
    "changed": (_change, "is damaged"),
    "twice": (lambda path: path.write_bytes(path.read_bytes() * 2), "continues after"),
    "compressed and cut": (_damage, "cut or damaged"),
    "another file": (lambda path: path.write_text("[1, 2]"), "not an export"),
    "no text": (lambda path: path.write_bytes(b"\xff\xfe\n"), "not an export"),
    "another table's": (
        lambda path: path.write_text('{"Item": {"id": {"S": "1"}}}\n'),
        "not an export of Grail",
    ),
    "not there": (lambda path: path.unlink(), "No such file"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_refused_before_anything_is_written(exported: Path, name: str) -> None:
    """A cut or changed file gets one line, and the table stays empty."""
    damage, message = DAMAGES[name]
    damage(exported)
    with other_table():
        with pytest.raises(FileError, match=message) as caught:
            copy.load(exported)
        assert (dump_table(), len(str(caught.value).splitlines())) == ([], 1)


def test_an_import_wants_an_empty_table(exported: Path, items: list[RawItem]) -> None:
    """Existing items are not overwritten."""
    with pytest.raises(ImportRefusedError, match="--merge"):
        copy.load(exported)
    assert dump_table() == items


def test_a_merge_leaves_newer_items_alone(exported: Path, items: list[RawItem]) -> None:
    """An item that was written since the export stays, one that is older is replaced."""
    newer, older = [item for item in items if item["kind"]["S"] == "user"][:2]
    ada = User.from_raw_data(newer)
    ada.update([User.first_name.set("Ada")])
    table.put_batch([{**older, "version": {"N": "0"}, "first_name": {"S": "of old"}}])
    assert copy.load(exported, merge=True) == (1, len(items) - 1)
    found = {item["pk"]["S"]: item for item in dump_table() if item["kind"]["S"] == "user"}
    assert found[older["pk"]["S"]] == older
    assert (found[ada.pk]["first_name"]["S"], found[ada.pk]["version"]["N"]) == ("Ada", "2")


@pytest.mark.parametrize("number", [0, 1])
def test_an_import_killed_at_any_write_is_repeated(exported: Path, items: list[RawItem], number: int) -> None:
    """It does not start again by itself; --merge goes on, and the table is the same in the end."""
    with other_table():
        with wire(killed_before_write(number)), pytest.raises(Killed):
            copy.load(exported)
        assert len(dump_table()) == 25 * number
        if number:
            with pytest.raises(ImportRefusedError):
                copy.load(exported)
        assert copy.load(exported, merge=True) == (len(items) - 25 * number, 25 * number)
        assert dump_table() == items


def test_what_dynamodb_leaves_over_is_written_again(
    exported: Path, items: list[RawItem], waits: list[float]
) -> None:
    """Behaviour 60: throttled or unprocessed, nothing is lost."""
    left: list[Any] = []

    def rule(sent: Any, forward: Any) -> Any:
        if sent.operation not in WRITES or len(left) == 3:
            return forward()
        left.append(sent)
        if len(left) == 1:
            return refusal("ThrottlingException")
        return 200, {}, json.dumps({"UnprocessedItems": sent.body["RequestItems"]})

    with other_table():
        with wire(rule):
            copy.load(exported)
        assert (dump_table(), len(left)) == (items, 3)
    assert waits


def test_an_export_by_dynamodb_is_imported(items: list[RawItem], tmp_path: Path) -> None:
    """point-in-time exports to S3 have the same lines, and a manifest that vouches for the files."""
    (tmp_path / "data").mkdir()
    listed = []
    for number, part in enumerate((items[:20], items[20:])):
        packed = gzip.compress(b"".join(json.dumps({"Item": item}).encode() + b"\n" for item in part))
        (tmp_path / "data" / f"{number}.json.gz").write_bytes(packed)
        digest = base64.b64encode(hashlib.md5(packed, usedforsecurity=False).digest()).decode()
        place = f"AWSDynamoDB/01/data/{number}.json.gz"
        listed.append({"itemCount": len(part), "md5Checksum": digest, "etag": "x-1", "dataFileS3Key": place})
    manifest = tmp_path / "manifest-files.json"
    manifest.write_text("".join(json.dumps(entry) + "\n" for entry in listed))
    with other_table():
        assert copy.load(manifest) == (len(items), 0)
        assert dump_table() == items
        (tmp_path / "data" / "1.json.gz").write_bytes(gzip.compress(b""))
        with pytest.raises(FileError, match=r"1\.json\.gz is not the file"):
            copy.load(manifest, merge=True)


def test_every_type_of_value_survives(table: None, tmp_path: Path) -> None:
    """Also those that no kind of item has today."""
    item: Any = {
        "pk": {"S": "é\u2028"},
        "sk": {"S": "x"},
        "kind": {"S": "unknown"},
        "values": {"L": [{"B": b"\x00\xff"}, {"BS": [b"\x01", b"\x02"]}, {"NULL": True}, {"BOOL": False}]},
        "map": {"M": {"B": {"S": "no bytes"}, "BS": {"NS": ["1", "2.50"]}, "SS": {"SS": ["a"]}}},
        "number": {"N": "9" * 38},
    }
    connection().connection.client.put_item(TableName=connection().table_name, Item=item)
    stored = dump_table()
    copy.export(tmp_path / "export")
    with other_table():
        copy.load(tmp_path / "export")
        assert dump_table() == stored


def test_an_empty_table_has_an_export(table: None, tmp_path: Path) -> None:
    """An empty table makes an empty export, which is complete."""
    assert copy.export(tmp_path / "export") == 0
    assert files.verified(tmp_path / "export").count == 0
