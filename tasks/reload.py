"""Keeps a worker of `make run` serving, and replaces it when a source has changed."""

import os
import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from tasks.processes import Child, module
from tasks.worker import BROKEN, SERVES

FOLDERS = (".chalice", "chalicelib", "tasks")
SUFFIXES = (".css", ".gz", ".html", ".js", ".json", ".py", ".svg", ".txt", ".yaml")
TOLD = {
    SERVES: "Restarted: {changed} changed.",
    BROKEN: "Broken: {changed} changed. Requests get a 503 until this is repaired: see above.",
}
ENDED = "Broken: {changed} changed. The server ended: see its messages above. It starts again after a change."


class WorkerError(Exception):
    """The worker has ended by itself."""


class Reloader:
    """Runs the worker that serves, and replaces it after a change, even if the code was broken before.

    :param listener: a socket that listens, and keeps what comes while no worker serves.
    """

    def __init__(self, project: Path, listener: socket.socket, environment: Mapping[str, str]) -> None:
        self._sources = Sources(project)
        self._listener = listener
        self._environment = environment
        self._changed = ""
        self._report: int | None = None
        self._worker: Child | None = None

    def start(self) -> None:
        """Start a worker."""
        self._report, written = os.pipe()
        fds = (self._listener.fileno(), written)
        command = module("tasks.worker", *map(str, fds))
        self._worker = Child("server", command, self._environment, pass_fds=fds)
        os.close(written)

    def stop(self) -> None:
        """Stop the worker, if there is one."""
        if self._report is not None:
            os.close(self._report)
            self._report = None
        if self._worker:
            self._worker.stop()
            self._worker = None

    def wait(self, seconds: float) -> str:
        """Wait for the report of a worker that has just started.

        :returns: SERVES or BROKEN (tasks/worker.py); nothing if that is not known yet.
        :raises WorkerError: it ended before it could serve.
        """
        if self._report is None or not select.select([self._report], [], [], seconds)[0]:
            return ""
        with os.fdopen(self._report, encoding="utf-8") as pipe:
            self._report = None
            report = pipe.read().strip()
        if not report:
            self.stop()
            raise WorkerError
        return report

    def tend(self) -> None:
        """Start a new worker if a source has changed, and print what became of it.

        :raises WorkerError: the worker ended while it served.
        """
        if changed := self._sources.changed():
            self._changed = changed
            self.stop()
            self.start()
        try:
            state = self.wait(0)
        except WorkerError:
            print(ENDED.format(changed=self._changed), flush=True)
            return
        if state:
            print(TOLD[state].format(changed=self._changed), flush=True)
        elif self._worker and not self._worker.running and self._report is None:
            raise WorkerError


class Sources:
    """When each file that the server is made of was changed.

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
            with suppress(OSError):  # it may have gone since the folder was read
                times[path] = path.stat().st_mtime_ns
        return times

    def _paths(self) -> Iterator[Path]:
        yield self._project / "app.py"
        for name in FOLDERS:
            for folder, folders, files in os.walk(self._project / name):
                folders[:] = [each for each in folders if each != "__pycache__"]
                yield from (Path(folder, file) for file in files if file.endswith(SUFFIXES))
