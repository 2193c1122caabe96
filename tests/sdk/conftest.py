"""The generated clients, installed and compiled as a user would, and a server for them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from tasks.module.create import create
from tasks.processes import module, project_folder
from tests.browser import conftest as browsers
from tests.e2e.stack import Stack
from tests.tasks.test_module import copy_to

browser = browsers.browser  # a fixture
HERE = Path(__file__).parent
SDK = project_folder() / "sdk"
EXHIBIT = ["name:string:required:unique", "status:enum:values=shown,stored", "curator:ref:users"]
NEEDED = ("java", "node", "npm")
MISSING = (
    "Tests of the generated clients need Java 17, Node 20 and npm, and the generator "
    "(Debian, Ubuntu: apt-get install openjdk-17-jre-headless nodejs npm; "
    "then .venv/bin/pip install -r requirements-sdk.txt)."
)


@dataclass(frozen=True)
class Sdk:
    """A client that is ready for use.

    :param folder: what was generated, with the helpers.
    :param command: runs a program of this folder, whose name it ends with, without the suffix.
    """

    folder: Path
    command: tuple[str, ...]
    suffix: str
    path: Path | None = None

    def run(self, program: str, *arguments: str) -> str:
        """Run a program, and return what it prints.

        :raises AssertionError: it fails.
        """
        return run(self._command(program, arguments), self.folder, self.path)

    def start(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a program that reads and writes."""
        return subprocess.Popen(  # noqa: S603 - our own programs
            self._command(program, arguments),
            cwd=self.folder,
            env=environment(self.path),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _command(self, program: str, arguments: Sequence[str]) -> list[str]:
        return [*self.command, f"{program}{self.suffix}", *arguments]


def environment(path: Path | None) -> dict[str, str]:
    """Make the environment of a program that imports from a path."""
    inherited = {name: value for name, value in os.environ.items() if name != "CI"}
    return {**inherited, "PYTHONPATH": str(path)} if path else inherited


def run(command: Sequence[str], folder: Path, path: Path | None = None, timeout: int = 300) -> str:
    """Run a command, which has to succeed within some seconds."""
    done = subprocess.run(  # noqa: S603 - our own programs
        command,
        cwd=folder,
        env=environment(path),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def need_tools() -> None:
    """Skip without what it takes; in CI that would hide that nothing was tested."""
    if all(map(shutil.which, NEEDED)) and find_spec("openapi_generator_cli"):
        return
    if os.environ.get("CI"):
        pytest.fail(MISSING)
    pytest.skip(MISSING)


def generate(language: str, folder: Path, project: Path | None = None) -> Path:
    """Generate a client as a user would.

    :param project: the folder of the project, by default this one.
    """
    need_tools()
    output = folder / language
    command = module("invoke", "openapi.codegen", "--language", language, "--output", str(output))
    run(command, project or project_folder())
    return output


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a resource of everything that `module.create` knows."""
    need_tools()
    folder = copy_to(tmp_path_factory.mktemp("sdk-stack"))
    shutil.copytree(SDK, folder / "sdk", ignore=shutil.ignore_patterns("node_modules"))
    create(folder, "exhibits", "exhibit", EXHIBIT, "team", filters=["status"])
    return folder


@pytest.fixture(scope="session")
def stack(project: Path) -> Iterator[Stack]:
    """A running stack with the development data."""
    running = Stack(project)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Sdk:
    """The Python client, installed by pip."""
    folder = tmp_path_factory.mktemp("python")
    client, site = generate("python", folder, project), folder / "site"
    run(module("pip", "install", "--quiet", "--no-deps", "--target", str(site), str(client)), folder)
    programs = folder / "programs"  # not beside the sources: it is the installed package that is tried
    programs.mkdir()
    for program in (SDK / "python" / "example.py", HERE / "renewal.py", HERE / "resource.py"):
        shutil.copy(program, programs)
    return Sdk(programs, (sys.executable,), ".py", site)


@pytest.fixture(scope="session")
def typescript(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Sdk:
    """The TypeScript client, compiled by tsc with strict; so are the programs that use it."""
    folder = generate("typescript", tmp_path_factory.mktemp("typescript"), project)
    for program in ("renewal.ts", "resource.ts"):
        shutil.copy(HERE / program, folder)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    run(["npm", "run", "build"], folder)
    run(["npx", "tsc", "--project", "tsconfig.example.json"], folder)
    return Sdk(folder / "build", ("node",), ".js")
