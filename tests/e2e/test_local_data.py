"""Who may read the files that `make run` keeps under `.local/`."""

from pathlib import Path

from tests.e2e.stack import Stack


def test_data_and_keys_are_their_owner_s(stack: Stack) -> None:
    """Other accounts of this machine can read neither .local nor any file in it."""
    local = stack.folder / ".local"
    files = [path for path in [local, *local.rglob("*")] if not path.is_symlink()]
    assert local / "dynamodb" / "dynamodb.json" in files
    assert [path for path in files if permissions(path) & 0o077] == []


def permissions(path: Path) -> int:
    """The permission bits of a file."""
    return path.stat().st_mode & 0o777
