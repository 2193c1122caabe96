"""`make run` refuses what it cannot do in one line that says what to change."""

import importlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.errors import TaskError
from tests.architecture.source import ROOT
from tests.ports import free_port

# the attribute `run` of the package is the task of that name
run = importlib.import_module("tasks.run")


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that something listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("variable", ["PORT", "ENGINE_PORT"])
@pytest.mark.parametrize("text", ["0", "65536", "-1", "80a", "\uff18\uff10", "8000.0", " ", "0x50", "9" * 30])
def test_what_is_no_port_is_refused(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable and the value."""
    monkeypatch.setenv(variable, text)
    with pytest.raises(TaskError) as caught:
        run.port_from(variable, 8000)
    assert variable in str(caught.value)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "port"), [("1", 1), ("65535", 65535), ("8010", 8010), ("", 8000), (None, 8000)]
)
def test_ports_are_read_or_defaulted(text: str | None, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """PORT is respected; absent or empty, it is 8000."""
    monkeypatch.delenv("PORT", raising=False)
    if text is not None:
        monkeypatch.setenv("PORT", text)
    assert run.port_from("PORT", 8000) == port


def test_a_taken_port_is_an_error_in_one_line(
    taken_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, no traceback, and how to choose another port."""
    monkeypatch.setenv("PORT", str(taken_port))
    monkeypatch.setattr(run, "SIGNALS", ())  # pytest has its own handlers
    monkeypatch.setattr("os.umask", lambda _mask: 0)  # and files
    assert run.main() == run.USAGE_ERROR
    said = capsys.readouterr().err
    assert f"Port {taken_port} is taken" in said
    assert (said.count("\n"), "PORT=" in said) == (1, True)


@pytest.mark.parametrize("text", ["all", "0.0.0", "x86_64-conda-linux-gnu", "127.0.0.1:8000", " "])
def test_what_is_no_address_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable and the value."""
    monkeypatch.setenv("HOST", text)
    with pytest.raises(TaskError, match=f"HOST .* {text!r}"):
        run.host_from("HOST")


@pytest.mark.parametrize(
    ("text", "host"),
    [(None, "127.0.0.1"), ("", "127.0.0.1"), ("10.0.0.9", "10.0.0.9"), ("fd00::1", "fd00::1")],
)
def test_other_machines_connect_only_when_asked(
    text: str | None, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without HOST, which containers need, only this machine can connect."""
    monkeypatch.delenv("HOST", raising=False)
    if text is not None:
        monkeypatch.setenv("HOST", text)
    assert run.host_from("HOST") == host


def test_an_address_of_another_machine_is_an_error_in_one_line() -> None:
    """It names what was tried, and the variables that choose another."""
    with pytest.raises(TaskError, match=r"^Cannot listen on 192\.0\.2\.1, port \d+ \(.*HOST or PORT\.$"):
        run.listen("192.0.2.1", free_port())


@pytest.mark.parametrize("reason", ["Read-only file system", "Permission denied"])
def test_a_folder_that_cannot_be_written_is_an_error_in_one_line(
    reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After `sudo make run`, or on a read-only mount: the line has the folder, the reason, and what to do."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(1, reason)

    monkeypatch.setattr(run.engine, "LOCAL", tmp_path / ".local")
    monkeypatch.setattr(Path, "chmod", refuse)
    monkeypatch.setattr(run, "SIGNALS", ())
    monkeypatch.setattr("os.umask", lambda _mask: 0)
    monkeypatch.setenv("PORT", str(free_port()))
    assert run.main() == run.USAGE_ERROR
    said = capsys.readouterr().err
    assert said.startswith(f"Cannot write to {tmp_path / '.local'} ({reason})")
    assert (said.count("\n"), "chown" in said) == (1, True)


def test_no_real_credentials_reach_local_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's AWS profile, keys and region stay out of `make run`."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "real")
    monkeypatch.setenv("STAGE", "prod")
    environment = run.environment_for("http://127.0.0.1:1")
    assert "real" not in environment.values()
    assert (environment["STAGE"], environment["DYNAMODB_ENDPOINT"]) == ("local", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--list"], 0, "openapi.export"),
        (["openapi.export", "--format", "xml"], 2, "--format is one of"),
        (["keys.list", "--stage", "nowhere"], 2, "--stage is one of"),
    ],
    ids=str,
)
def test_the_console_script_works(arguments: list[str], status: int, words: str) -> None:
    """`invoke` as the documentation has it: a wrong argument gives one line and status 2, no traceback."""
    script = Path(sys.executable).with_name("invoke")
    done = subprocess.run(  # noqa: S603 - the script of this environment
        [script, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = (done.stdout if status == 0 else done.stderr).strip().splitlines()
    assert (done.returncode, words in "".join(lines)) == (status, True), done.stderr
    assert status == 0 or len(lines) == 1
