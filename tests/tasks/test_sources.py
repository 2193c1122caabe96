"""Which changes of files restart the server of `make run`."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.reload import Sources


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of a few files."""
    for name in ("app.py", "chalicelib/db/keys.py", "chalicelib/web/static/docs.css", "tasks/server.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


def save(path: Path) -> None:
    """Save a file, a second later."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    os.utime(path, (2e9, 2e9))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("app.py", save),
        ("chalicelib/db/keys.py", save),
        ("chalicelib/db/new.py", save),
        ("chalicelib/web/static/docs.css", save),
        ("tasks/server.py", Path.unlink),
        (".chalice/config.json", save),
    ],
)
def test_a_change_is_told_once(name: str, change: Callable[[Path], None], project: Path) -> None:
    """Whether a file is changed, new or gone, its path comes once."""
    sources = Sources(project)
    assert sources.changed() == ""
    change(project / name)
    assert (sources.changed(), sources.changed()) == (name, "")


@pytest.mark.parametrize(
    "name",
    ["README.md", ".local/x.json", "tests/test_x.py", "chalicelib/__pycache__/x.py", "tasks/.x.py.swp"],
)
def test_other_files_change_nothing(name: str, project: Path) -> None:
    """Caches, data, tests and editors' own files are not what the server is made of."""
    sources = Sources(project)
    save(project / name)
    assert sources.changed() == ""
