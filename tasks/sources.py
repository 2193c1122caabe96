"""What the server of `make run` is made of, and which of these files has changed."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FOLDERS = (".chalice", "chalicelib", "tasks")
SUFFIXES = (".css", ".gz", ".html", ".js", ".json", ".py", ".svg", ".txt", ".yaml")


class Sources:
    """Remembers when each file was changed.

    It polls: the notifications of operating systems differ, and need a package.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        self._seen = self._times()

    def changed(self) -> str:
        """Return the path of a file that has changed since the last call; nothing if there is none."""
        before, self._seen = self._seen, self._times()
        different = sorted({path for path, _ in before.items() ^ self._seen.items()})
        return str(different[0].relative_to(self._project)) if different else ""

    def _times(self) -> dict[Path, int]:
        times = {}
        for path in self._paths():
            # it may have gone since the folder was read
            with suppress(OSError):
                times[path] = path.stat().st_mtime_ns
        return times

    def _paths(self) -> Iterator[Path]:
        yield self._project / "app.py"
        for name in FOLDERS:
            for folder, folders, files in os.walk(self._project / name):
                folders[:] = [each for each in folders if each != "__pycache__"]
                yield from (Path(folder, file) for file in files if file.endswith(SUFFIXES))
