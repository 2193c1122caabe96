"""`invoke openapi.codegen`, what it makes, and what it refuses."""

import os
import re
import subprocess
from pathlib import Path

import pytest

import app as application
from tasks.codegen import generate
from tasks.errors import TaskError
from tasks.processes import module, project_folder
from tests.sdk.conftest import Sdk, need_tools

NAMES = {operation.name for methods in application.api.operations.values() for operation in methods.values()}


@pytest.fixture
def tools() -> None:
    """Java and the generator."""
    need_tools()


def codegen(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the task."""
    return subprocess.run(  # noqa: S603 - our own task
        module("invoke", "openapi.codegen", *arguments),
        cwd=project_folder(),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Expect one line of explanation and exit status 2."""
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    return done.stderr


def test_without_java_it_says_what_to_install(tmp_path: Path) -> None:
    """One line and exit status 2."""
    assert "needs Java 17" in refusal(codegen("--language", "python", PATH=str(tmp_path)))


def test_an_unknown_language_is_refused(tools: None, tmp_path: Path) -> None:
    """One line and exit status 2; nothing is written."""
    output = tmp_path / "out"
    assert "'klingon'" in refusal(codegen("--language", "klingon", "--output", str(output)))
    assert not output.exists()


@pytest.mark.parametrize("version", ["1", "1.2.3,packageName=other", "v1.2.3\n"])
def test_what_is_no_version_is_refused(version: str) -> None:
    """It stands in the client's manifest, and among the generator's options."""
    with pytest.raises(TaskError, match="--version"):
        generate("python", version)


def test_another_folder_is_left_alone(tools: None, tmp_path: Path) -> None:
    """A folder that holds other files is not written into."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(TaskError, match="other files"):
        generate("python", output=str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_generating_again_removes_what_is_no_more(tools: None, tmp_path: Path) -> None:
    """Any language that the generator knows; files of an earlier document go, files of the user stay."""
    generate("markdown", output=str(tmp_path))
    listed = tmp_path / ".openapi-generator" / "FILES"
    listed.write_text(listed.read_text() + "Models/Gone.md\n")
    for name in ("Models/Gone.md", "notes.txt"):
        (tmp_path / name).write_text("")
    generate("markdown", output=str(tmp_path))
    assert not (tmp_path / "Models" / "Gone.md").exists()
    assert (tmp_path / "notes.txt").exists()
    assert "createTeam" in (tmp_path / "Apis" / "TeamsApi.md").read_text()


def test_the_version_and_the_url_are_those_asked_for(tools: None, tmp_path: Path) -> None:
    """In the manifest, in the User-Agent, and as the address that a client calls by itself."""
    folder = generate("typescript", "1.2.3", str(tmp_path / "out"), "https://api.test/prod")
    assert '"version": "1.2.3"' in (folder / "package.json").read_text()
    assert '"https://api.test/prod"' in (folder / "src" / "runtime.ts").read_text()


def test_each_operation_is_a_python_method(python: Sdk) -> None:
    """By the name that its handler has."""
    assert python.path
    text = "".join(path.read_text() for path in (python.path / "grail_client" / "api").glob("*.py"))
    assert set(re.findall(r"^    def (\w+)\(", text, re.MULTILINE)) >= NAMES


def test_each_operation_is_a_typescript_method(typescript: Sdk) -> None:
    """By its operationId."""
    names = {re.sub(r"_(.)", lambda found: found[1].upper(), name) for name in NAMES}
    text = "".join(path.read_text() for path in (typescript.folder.parent / "src" / "apis").glob("*.ts"))
    assert set(re.findall(r"^    async (\w+)\(", text, re.MULTILINE)) >= names
