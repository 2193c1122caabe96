"""Child processes that never outlive the one that started them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 10


class Child:
    """A program in its own process group, with its standard input as lifeline (see tasks/lifeline.py)."""

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


def shown(address: str) -> str:
    """Return an IP address as URLs have it."""
    return f"[{address}]" if ":" in address else address


def port_taken(port: int) -> bool:
    """Whether something listens there already."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def project_folder() -> Path:
    """Return the folder that holds app.py."""
    return Path(__file__).resolve().parent.parent
