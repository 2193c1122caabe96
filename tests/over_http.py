"""Runs the API tests against a server: `pytest tests/api --url … --engine … --table … --secrets …`.

`--stack` starts engine and server as `make run` does, in a folder of their own; with `-n`, for each worker.

Tests that need the application in this process are left out then, and the summary says how many and why:
those marked `in_process("why")`, and those that use a fixture or a tool which reaches into it.
"""

import inspect
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests import target
from tests.e2e.stack import Stack, copy_project
from tests.target import Place, Process, Server

FIXTURES = {
    "monkeypatch": "patches the application",
    "round_trips": "counts requests to DynamoDB at botocore",
    "caplog": "reads the application's log",
}
TOOLS = {
    "wire": "stands between botocore and the table",
    **dict.fromkeys(("at_call", "fault", "database_down"), "makes DynamoDB fail at botocore"),
}
HERE = "tests/api/"
LEFT_OUT = pytest.StashKey[Counter[str]]()
STACK = pytest.StashKey[Stack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that locate the server."""
    group = parser.getgroup("over HTTP")
    group.addoption("--stack", action="store_true", help="start a server for these tests")
    group.addoption("--url", help="base URL of a running server, with its stage's prefix if it has one")
    group.addoption("--engine", help="URL of its DynamoDB engine")
    group.addoption("--table", help="its table, which is emptied before each test and put back at the end")
    group.addoption("--region", default="us-east-1", help="the table's region")
    group.addoption("--secrets", help="its SECRETS, such as file:PATH: tests sign tokens with its keys")


def pytest_configure(config: pytest.Config) -> None:
    """Connect the tests to the server, or to the application in this process."""
    config.addinivalue_line("markers", "in_process(why): cannot run against a server over HTTP")
    names = ("url", "engine", "table", "region", "secrets")
    place = {name: config.getoption(name) for name in names}
    distributes = config.getoption("numprocesses", None)  # to workers, which have None here
    if config.getoption("stack") and not distributes:
        target.use(Server(_own_stack(config)))
        return
    if not place["url"]:
        target.use(Process())
        return
    missing = [f"--{name}" for name, value in place.items() if not value]
    if missing:
        raise pytest.UsageError(f"--url needs {', '.join(missing)}, too.")
    if distributes:
        raise pytest.UsageError("Over HTTP all tests share one table: -n cannot be more than 0.")
    target.use(Server(Place(**place)))


def _own_stack(config: pytest.Config) -> Place:
    """Start engine and server, and return where they are."""
    folder = Path(tempfile.mkdtemp())
    copy_project(folder)
    # as the stage of the tests has it: what is about verification turns it on, in the process
    config.stash[STACK] = stack = Stack(folder, EMAIL_VERIFICATION="off")
    stack.start()
    secrets = f"file:{folder / '.local' / 'secrets.json'}"
    return Place(stack.url, stack.endpoint, "grail-local", config.getoption("region"), secrets)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run over HTTP."""
    if not target.present().over_http:
        return
    reasons = {item: why_in_process(item) for item in items}
    gone = [item for item in items if reasons[item]]
    config.stash[LEFT_OUT] = left_out = Counter(reasons[item] for item in gone)
    if hasattr(config, "workeroutput"):  # of a worker: its summary is shown by whoever started it
        config.workeroutput["left_out"] = dict(left_out)
    config.hook.pytest_deselected(items=gone)
    items[:] = [item for item in items if not reasons[item]]


def why_in_process(item: pytest.Item) -> str:
    """Return why a test needs the application in this process; nothing if it does not."""
    if not item.nodeid.startswith(HERE):
        return "is about something else than the API"
    if mark := item.get_closest_marker("in_process"):
        return str(mark.args[0])
    assert isinstance(item, pytest.Function)
    code = inspect.unwrap(item.function).__code__
    fixtures = [why for name, why in FIXTURES.items() if name in item.fixturenames]
    tools = [why for name, why in TOOLS.items() if name in code.co_names]
    return next(iter(fixtures + tools), "")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker left out: all leave out the same."""
    told: dict[str, int] = getattr(node, "workeroutput", {}).get("left_out", {})
    node.config.stash[LEFT_OUT] = Counter(told)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what was left out, and why."""
    left_out = config.stash.get(LEFT_OUT, None)
    if not left_out:
        return
    terminalreporter.section("not over HTTP")
    for why, number in left_out.most_common():
        terminalreporter.line(f"{number:5} {why}")
    terminalreporter.line(f"{left_out.total():5} in total, which run only in process")


def pytest_sessionfinish() -> None:
    """Restore what the server's table held."""
    target.present().leave()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the server that was started for these tests, and remove its folder."""
    if stack := config.stash.get(STACK, None):
        stack.stop()
        shutil.rmtree(stack.folder, ignore_errors=True)
