"""The local DynamoDB engine: its own environment, its start, its data under `.local/`."""

import os
import secrets
import time
import urllib.request
from pathlib import Path

from tasks.environments import own_python
from tasks.errors import TaskError
from tasks.processes import LOOPBACK, Child, port_taken, project_folder, script

READY_SECONDS = 30
LOCAL = project_folder() / ".local"
HOME = LOCAL / "engine"
SERVER = Path(__file__).with_name("engine_server.py")
REQUIREMENTS = Path(__file__).with_name("engine-requirements.txt")


def installed_python() -> Path:
    """Return the engine's Python; its environment is created first, or renewed if its pins have changed."""
    return own_python(HOME, REQUIREMENTS, "the local DynamoDB engine")


def start(port: int, data: Path = LOCAL / "dynamodb", log: Path = LOCAL / "engine.log") -> tuple[Child, str]:
    """Start the engine on a loopback port, wait until it answers, and return it with its endpoint.

    :param data: folder that its tables are kept in.
    """
    if port_taken(port):
        raise TaskError(f"Port {port} is taken: stop what listens there, or set ENGINE_PORT to another port.")
    command = script(installed_python(), SERVER, str(port), str(data))
    key = secrets.token_urlsafe(16)
    with log.open("wb") as output:
        child = Child("engine", command, {**os.environ, "ENGINE_KEY": key}, output)
    try:
        wait_until_ready(child, port, log)
    except BaseException:
        child.stop()
        raise
    return child, f"http://{LOOPBACK}:{port}/{key}"


def wait_until_ready(child: Child, port: int, log: Path) -> None:
    """Wait until an engine answers.

    :raises TaskError: it does not, and the last line of its log says why.
    """
    deadline = time.monotonic() + READY_SECONDS
    while child.running and time.monotonic() < deadline:
        if _answers(f"http://{LOOPBACK}:{port}/_ministack/health"):
            return
        time.sleep(0.05)
    last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
    raise TaskError(f"The DynamoDB engine did not start ({log}): {last[0]}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - a loopback URL made by these tasks
            return True
    except OSError:
        return False
