"""AWS's own DynamoDB Local for tests: fetched once from Maven Central, on a free loopback port.

It needs a JDK of version 17 or newer, and Maven. Without them the tests that use it are skipped, except where
CI is set: there they fail.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
HOME = HERE.parent.parent / ".local" / "dynamodb-local"
POM = HERE / "pom.xml"
LAUNCHER = HERE / "LoopbackDynamoDB.java"
JAVA_VERSION = 17
READY_SECONDS = 180  # it takes two, but other tests may keep all cores busy
FETCH_SECONDS = 600


class UnavailableError(Exception):
    """DynamoDB Local cannot run here; the message says what to install."""


@pytest.fixture(scope="package")
def dynamodb_local() -> Iterator[str]:
    """Return the URL of a DynamoDB Local that runs as long as the tests of a folder."""
    try:
        with running() as endpoint:
            yield endpoint
    except UnavailableError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@contextmanager
def running(*where: str) -> Iterator[str]:
    """Run DynamoDB Local and yield its URL.

    :param where: options that say where its data is; in memory by default.
    """
    server = _start(installed(), *(where or ["-inMemory"]))
    try:
        yield f"http://127.0.0.1:{_announced_port(server)}"
    finally:
        server.kill()
        server.communicate()


def installed() -> Path:
    """Return the folder with the server's classes; they are downloaded on first use."""
    _require_tools()
    version = hashlib.sha256(POM.read_bytes() + LAUNCHER.read_bytes()).hexdigest()[:16]
    folder = HOME / version
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        # one worker fetches, the others wait for it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder)
    return folder


def _require_tools() -> None:
    missing = [tool for tool in ("java", "javac", "mvn") if not shutil.which(tool)]
    if missing or _java_version() < JAVA_VERSION:
        raise UnavailableError(
            f"Tests against DynamoDB Local need a JDK {JAVA_VERSION} or newer and Maven"
            " (Debian, Ubuntu: apt-get install openjdk-17-jdk-headless maven)."
        )


def _java_version() -> int:
    shown = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S607
    found = re.search(r'version "(\d+)', shown)
    return int(found[1]) if found else 0


def _fetch(folder: Path) -> None:
    unfinished = folder.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={unfinished}"]
    _tool("mvn", "--batch-mode", "--quiet", "--file", str(POM), *goal)
    _tool("javac", "-cp", f"{unfinished}/*", "-d", str(unfinished), str(LAUNCHER))
    unfinished.rename(folder)


def _tool(*command: str) -> None:
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=FETCH_SECONDS,
    )
    if done.returncode:
        raise UnavailableError(
            f"DynamoDB Local could not be fetched: {command[0]} said: {done.stdout[-500:].strip()}"
        )


def _start(folder: Path, *where: str) -> subprocess.Popen[str]:
    # for the CPU time of a minute, not for hours: the optimizing compiler would cost more than it saves
    machine = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx768m"]
    java = ["java", *machine, f"-Djava.library.path={folder}", "-cp", f"{folder}{os.pathsep}{folder}/*"]
    options = [*where, "-sharedDb", "-disableTelemetry"]
    return subprocess.Popen(
        [*java, LAUNCHER.stem, *options],
        # kept open: the server ends with its standard input, so also when this process is killed
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _announced_port(server: subprocess.Popen[str]) -> int:
    assert server.stdout
    said = []
    timer = threading.Timer(READY_SECONDS, server.kill)
    timer.start()
    for line in server.stdout:
        said.append(line)
        if found := re.fullmatch(r"LISTENING (\d+)\n", line):
            timer.cancel()
            return int(found[1])
    raise UnavailableError(f"DynamoDB Local did not start: {''.join(said)[-500:]}")
