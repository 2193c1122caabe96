"""Headless Chromium against the server that `make run` starts."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.callback import SITE
from tests.e2e.stack import Stack, copy_project

REBOUND = "rebound.example"  # a name of another site that leads to this machine
ARGUMENTS = [
    f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1, MAP {SITE} 127.0.0.1",
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
MISSING = (
    "Tests in a browser need Chromium and Playwright "
    "(Debian, Ubuntu: apt-get install chromium; then .venv/bin/pip install -r requirements-browser.txt)."
)


def unavailable() -> None:
    """Skip; in CI that would hide that nothing was tested."""
    if os.environ.get("CI"):
        pytest.fail(MISSING)
    pytest.skip(MISSING)


def photograph(page: Any, name: str) -> None:
    """Keep a picture for the documentation, if SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def violations(page: Any) -> list[str]:
    """Return what axe finds on a page."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - it may not be installed

    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack with the development data."""
    folder = tmp_path_factory.mktemp("browser")
    copy_project(folder)
    running = Stack(folder)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it may not be installed
    except ImportError:
        chromium = None
    if not chromium:
        unavailable()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, stack: Stack) -> Iterator[Any]:
    """The documentation page, just opened; it keeps what it said and asked for."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.said, opened.asked = [], []
    opened.on("console", lambda message: opened.said.append(message.text))
    opened.on("pageerror", lambda error: opened.said.append(str(error)))
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.goto(f"{stack.url}/api/v1")
    opened.wait_for_selector(".opblock")
    photograph(opened, "documentation")
    yield opened
    opened.close()
