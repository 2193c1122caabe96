"""What ships: the deployment package keeps what Lambda reads, gains bytecode, and is the same each time."""

import hashlib
import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tasks.cloud import bundle

UNCHECKED_HASH = 0b01  # PEP 552
ENDPOINTS = {"partitions": [{"partition": "aws", "services": {"dynamodb": {"a": 1}, "ec2": {"b": 2}}}]}
MODULES = {
    "app.py": "def check(name): return name in {'one', 'two', 'three', 'four'}\n",
    "library/__init__.py": "",
    "library/deep/module.py": "raise RuntimeError('told by its line')\n",
}
READ = [
    *MODULES,
    "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
    "botocore/data/partitions.json",
    "library.libs/some.so",
    "library-1.0.dist-info/METADATA",
    "chalicelib/security/common_passwords.txt",
]
UNREAD = [
    "botocore/data/ec2/2016-11-15/service-2.json.gz",
    "botocore/data/dynamodb/2012-08-10/examples-1.json",
    "library/__pycache__/module.cpython-311.pyc",
    "library/module.pyi",
    "library/py.typed",
    "library/tests/test_module.py",
    "library-stubs/__init__.pyi",
    "library-1.0.dist-info/RECORD",
    "library-1.0.data/scripts/tool",
    "pycparser/c_parser.py",
    "cffi/api.py",
]


def write_package(path: Path, names: list[str], year: int) -> Path:
    """Write a package as Chalice does, in some order and at some time."""
    texts = {**dict.fromkeys(READ + UNREAD, "text"), **MODULES, bundle.ENDPOINTS: json.dumps(ENDPOINTS)}
    with zipfile.ZipFile(path, "w") as package:
        for name in names:
            package.writestr(zipfile.ZipInfo(name, (year, 1, 2, 3, 4, 6)), texts[name])
    return path


def rebuilt(folder: Path, names: list[str], year: int = 2026) -> Path:
    """Rebuild a package in a folder of its own."""
    folder.mkdir()
    source = write_package(folder / "plain.zip", names, year)
    bundle.rebuild(source, folder / "code.zip", folder / "task", sys.executable)
    return folder / "code.zip"


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rebuilt package."""
    return rebuilt(tmp_path_factory.mktemp("bundle") / "one", [*READ, *UNREAD, bundle.ENDPOINTS])


def test_what_lambda_reads_is_kept_and_the_rest_left_out(code: Path) -> None:
    """Bytecode apart, nothing is added; other services' data, stubs, tests and tools stay out."""
    names = zipfile.ZipFile(code).namelist()
    assert sorted(name for name in names if not name.endswith(".pyc")) == sorted([*READ, bundle.ENDPOINTS])


def test_each_module_has_bytecode_that_nobody_checks(code: Path) -> None:
    """A read-only folder is never compiled, and no source is compared with its bytecode."""
    with zipfile.ZipFile(code) as package:
        for name in MODULES:
            bytecode = package.read(importlib.util.cache_from_source(name))
            assert bytecode[:4] == importlib.util.MAGIC_NUMBER
            assert int.from_bytes(bytecode[4:8], "little") == UNCHECKED_HASH


def test_the_same_input_gives_the_same_bytes(code: Path, tmp_path: Path) -> None:
    """Another order, another time and another folder change nothing."""
    again = rebuilt(tmp_path / "a longer name", [bundle.ENDPOINTS, *UNREAD, *reversed(READ)], 2001)
    assert digest(again) == digest(code)


def test_another_input_gives_other_bytes(code: Path, tmp_path: Path) -> None:
    """The test above can fail."""
    assert digest(rebuilt(tmp_path / "less", [*READ[1:], bundle.ENDPOINTS])) != digest(code)


def test_tracebacks_name_the_place_in_lambda_and_show_the_line(code: Path, tmp_path: Path) -> None:
    """Sources stay for this: what is logged can be read."""
    with zipfile.ZipFile(code) as package:
        package.extractall(tmp_path)
        bytecode = package.read(importlib.util.cache_from_source("library/deep/module.py"))
    assert b"/var/task/library/deep/module.py" in bytecode
    done = subprocess.run(
        [sys.executable, "-c", "import library.deep.module"], cwd=tmp_path, capture_output=True, check=False
    )
    assert b"told by its line" in done.stderr


def test_endpoints_of_other_services_are_left_out(code: Path) -> None:
    """A client parses all of that file, of which it needs one entry."""
    with zipfile.ZipFile(code) as package:
        (partition,) = json.loads(package.read(bundle.ENDPOINTS))["partitions"]
    assert partition == {"partition": "aws", "services": {"dynamodb": {"a": 1}}}


def digest(path: Path) -> str:
    """Return the digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
