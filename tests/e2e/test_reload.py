"""`make run` while its code is edited: it keeps running, whatever is saved."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.stack import Stack

pytestmark = pytest.mark.slow
FILES = (
    "app.py",
    "chalicelib/db/keys.py",
    "chalicelib/errors.py",
    "chalicelib/settings.py",
    "chalicelib/telemetry/logs.py",
    "chalicelib/teams/models.py",
    "chalicelib/users/handlers.py",
    "chalicelib/users/models.py",
    "tasks/connection.py",
    "tasks/gateway.py",
    "tasks/server.py",
)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def log_of(stack: Stack) -> str:
    """What `make run` has printed."""
    return (stack.folder / "run.log").read_text()


def spoil(stack: Stack, name: str, line: str) -> str:
    """Add a line to a file, wait for what is said, and return that; then take the line out again."""
    path = Path(stack.folder / name)
    before, said = path.read_text(), len(log_of(stack))
    path.write_text(f"{before}{line}\n")
    try:
        wait_for(lambda: f"{name} changed" in log_of(stack)[said:])
        told, said = log_of(stack)[said:], len(log_of(stack))
        answer = stack.api("GET", "/health")
        assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json")
        assert answer.json["detail"] == "See the terminal."
    finally:
        path.write_text(before)
    wait_for(lambda: f"Restarted: {name} changed." in log_of(stack)[said:])
    return told


def test_broken_code_is_survived_wherever_it_is_saved(own_stack: Stack) -> None:
    """The terminal says what changed and what is broken; requests get a 503, and 200 after the repair."""
    for name in FILES:
        told = spoil(own_stack, name, "def (")
        assert f'{name}", line ' in told
        assert "SyntaxError: " in told
        assert f"Broken: {name} changed." in told
        assert own_stack.api("GET", "/health").status == 200
    for line, error in (
        ("missing", "NameError"),
        ("import nowhere", "ModuleNotFoundError"),
        ("exit(3)", "SystemExit: 3"),
    ):
        assert error in spoil(own_stack, "chalicelib/teams/handlers.py", line)
    assert (
        own_stack.api("GET", "/api/v1/teams", token=own_stack.token("user", "w").json["access_token"]).status
        == 200
    )


def test_requests_wait_while_the_server_is_replaced(own_stack: Stack) -> None:
    """No connection is refused, however often a file is saved."""
    for _ in range(3):
        (own_stack.folder / "app.py").touch()
        for _ in range(10):
            assert own_stack.api("GET", "/health").status == 200
            time.sleep(0.1)


def test_a_worker_that_cannot_even_report_is_replaced_after_the_next_change(own_stack: Stack) -> None:
    """Even the module that reports errors may be broken."""
    path = own_stack.folder / "tasks" / "worker.py"
    before = path.read_text()
    path.write_text(f"{before}def (\n")
    wait_for(lambda: "It starts again after a change" in log_of(own_stack))
    path.write_text(before)
    wait_for(lambda: "Restarted: tasks/worker.py changed." in log_of(own_stack))
    assert own_stack.api("GET", "/health").status == 200
