"""`make run` in a copy of the project: real processes, the real local engine, data of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.processes import LOOPBACK, module, project_folder
from tests import engine
from tests.http import Answer, Client, OverHttp
from tests.ports import free_port

READY_SECONDS = 120
SOURCES = ("app.py", "chalicelib", "tasks", ".chalice")
# what the tests' own process is set up with must not reach the processes under test
OURS = (
    "AWS_",
    "CHALICE_",
    "CI",
    "SECRETS",
    "STAGE",
    "TABLE_NAME",
    "PUBLIC_URL",
    "DYNAMODB_ENDPOINT",
    "ACCESS_TOKEN",
)


def copy_project(folder: Path) -> None:
    """Copy the sources; of what `make run` installs, share the engine's environment with the project."""
    for name in SOURCES:
        source = project_folder() / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    engine.share(folder)


class Stack:
    """Engine and server as `make run` starts them, on free ports.

    :param settings: variables of the environment beside those of this process.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = settings
        self.port = free_port()
        self.engine_port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.api = Client(OverHttp(self.url))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a user of this folder has in the environment."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return {**inherited, **self.settings}

    def invoke(self, *arguments: str) -> str:
        """Run a task in the folder, and return its output."""
        return subprocess.run(  # noqa: S603 - as a user does
            module("invoke", *arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
            check=True,
        ).stdout

    @property
    def endpoint(self) -> str:
        """The endpoint of the engine that runs, whose path is a secret."""
        running: dict[str, str] = json.loads((self.folder / ".local" / "running.json").read_text("utf-8"))
        return running["endpoint"]

    def start(self) -> None:
        """Start, and wait until it says so itself.

        :raises RuntimeError: it ended, or took too long.
        """
        ports = {"PORT": str(self.port), "ENGINE_PORT": str(self.engine_port)}
        log = self.folder / "run.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - what `make run` starts
                module("invoke", "run"),
                cwd=self.folder,
                env={**self.environment, **ports},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + READY_SECONDS
        while self.url not in log.read_text(errors="replace"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(log.read_text(errors="replace"))
            time.sleep(0.05)

    def stop(self) -> int:
        """End it as Ctrl-C would, and return its exit status."""
        return self._end(signal.SIGINT)

    def kill_engine(self) -> int:
        """End the engine by `kill -9`; `make run` notices that by itself; return its exit status."""
        os.kill(self._engine_pid(), signal.SIGKILL)
        assert self._process
        return self._process.wait(30)

    @contextmanager
    def hung_engine(self) -> Iterator[None]:
        """Make the engine take requests and answer none, for as long as the context lasts."""
        os.kill(self._engine_pid(), signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._engine_pid(), signal.SIGCONT)

    def kill(self) -> None:
        """End what the user started by `kill -9`, which leaves it no time to stop anything."""
        self._end(signal.SIGKILL)

    def listens(self) -> bool:
        """Whether any part of it still answers."""
        for port in (self.port, self.engine_port):
            with socket.socket() as probe:
                if probe.connect_ex((LOOPBACK, port)) == 0:
                    return True
        return False

    def wait_until_silent(self) -> bool:
        """Wait until the processes that it started have noticed its end; return whether they did."""
        deadline = time.monotonic() + 30
        while self.listens() and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.listens()

    def token(self, username: str, password: str) -> Answer:
        """Sign in as a user of the development data."""
        form = {"grant_type": "password", "client_id": "documentation"}
        return self.api(
            "POST", "/auth/oauth2/token", form={**form, "username": username, "password": password}
        )

    def _engine_pid(self) -> int:
        assert self._process
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_text() for pid in children}
        return next(pid for pid, command in commands.items() if "engine_server.py" in command)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(60)
