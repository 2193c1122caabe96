"""`chalice local`, as those who know Chalice start it, beside the engine of `make run`."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.processes import LOOPBACK, project_folder
from tests.e2e.stack import Stack
from tests.http import Client, OverHttp
from tests.ports import free_port

pytestmark = pytest.mark.slow
RESTART = "Restarting local dev server."


@contextmanager
def chalice_local(folder: Path, environment: dict[str, str], log: Path) -> Iterator[Client]:
    """Run `chalice local` with its reload, and yield a client of it once it answers."""
    port = free_port()
    # an environment that was made before watchdog went may still have it
    (folder / "absent").mkdir()
    (folder / "absent" / "watchdog.py").write_text("raise ImportError")
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - Chalice of this environment
            [Path(sys.executable).with_name("chalice"), "local", "--port", str(port)],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(folder / "absent")},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        api = Client(OverHttp(f"http://{LOOPBACK}:{port}"))
        wait_until_answered(api)
        yield api
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def wait_until_answered(api: Client) -> None:
    """Wait for the first answer."""
    for _ in range(600):
        try:
            api("GET", "/health")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("no answer")


@pytest.fixture
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is logged: outside of the project, since each of its files is watched."""
    return tmp_path_factory.mktemp("log") / "chalice.log"


def test_chalice_local_serves_and_reloads(own_stack: Stack, log: Path) -> None:
    """20 of 20 requests are answered, and write to the engine's file; saving a source restarts it."""
    form = {"grant_type": "password", "client_id": "documentation", "username": "user", "password": "w"}
    with chalice_local(own_stack.folder, own_stack.environment, log) as api:
        time.sleep(3)  # what is written when modules are imported is seen as a change
        restarts = log.read_text().count(RESTART)
        for _ in range(20):
            assert api("POST", "/auth/oauth2/token", form=form).status == 200
            time.sleep(0.4)
        assert log.read_text().count(RESTART) == restarts
        (own_stack.folder / "app.py").touch()
        deadline = time.monotonic() + 30
        while log.read_text().count(RESTART) == restarts and time.monotonic() < deadline:
            time.sleep(0.2)
        wait_until_answered(api)
        assert log.read_text().count(RESTART) > restarts


def test_without_an_engine_the_log_has_the_address_and_the_reason(own_stack: Stack, log: Path) -> None:
    """Instead of only the word `request`; the path of the engine's address stays secret."""
    environment = {**own_stack.environment, "DYNAMODB_ENDPOINT": f"http://{LOOPBACK}:1/a-key"}
    with chalice_local(own_stack.folder, environment, log) as api:
        assert api("GET", "/health?deep=1").status == 503
    (line,) = [
        line for line in log.read_text().splitlines() if " 503 " in line and line.startswith("request")
    ]
    assert "GET /health 503" in line
    assert f"EndpointConnectionError: http://{LOOPBACK}:1 " in line
    assert "a-key" not in log.read_text()


def test_watchdog_is_not_installed() -> None:
    """With it, Chalice takes the opening of a file for a change, and restarts endlessly (1.34.0)."""
    lock = (project_folder() / "requirements-dev.txt").read_text("utf-8")
    assert "chalice==" in lock
    assert "watchdog" not in lock
