"""Child processes that never outlive the one that started them, even if that is ended by `kill -9`.

A child watches its standard input, whose other end its starter keeps open. Only the standard library is used
here: `python -P tasks/processes.py SCRIPT ARGUMENT…` runs a script of any environment in this way.
"""

import fcntl
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 10


class Child:
    """A program in its own process group.

    :param output: what takes its output; by default that of this process.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        output: IO[bytes] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.messages = getattr(output, "name", "its messages above")
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=project_folder(),
            pass_fds=pass_fds,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            # Ctrl-C is for the parent, which stops its children in order
            start_new_session=True,
        )

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Terminate the process group, and kill what is left of it."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def module(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a module with this very Python."""
    return [sys.executable, "-m", name, *arguments]


def script(python: Path, path: Path, *arguments: str) -> list[str]:
    """Return the command that runs a script with another Python until its starter ends."""
    return [str(python), "-P", __file__, str(path), *arguments]


def end_with_parent() -> None:
    """Send this process SIGTERM as soon as its standard input ends."""
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def shown(address: str) -> str:
    """Return an IP address as URLs have it."""
    return f"[{address}]" if ":" in address else address


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; other processes wait here until it is free."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def port_taken(port: int) -> bool:
    """Whether something listens there already."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def project_folder() -> Path:
    """Return the folder that holds app.py."""
    return Path(__file__).resolve().parent.parent


if __name__ == "__main__":
    end_with_parent()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
