"""What the functions run on, and the libraries that ship: checked by hash, for Lambda on any machine."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import TaskError
from tasks.stages import configuration

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}  # Lambda's names, and those in the names of wheels
OLDEST = 17  # manylinux2014, whose name stands for all that are older, too
VERSION = "import sys; print('%d.%d%s' % (*sys.version_info[:2], sys.abiflags))"


@dataclass(frozen=True)
class Runtime:
    """What functions run on.

    :param python: a version of Python with two parts, such as 3.13.
    :param architecture: x86_64 or arm64.
    """

    python: str
    architecture: str

    @classmethod
    def of(cls, stage: str) -> "Runtime":
        """Return the runtime of a stage, which .chalice/config.json names."""
        config = configuration()
        chosen: dict[str, Any] = {**config, **config["stages"].get(stage, {})}
        return cls(str(chosen["python_version"]), str(chosen["lambda_architecture"]))

    @classmethod
    def here(cls) -> "Runtime | None":
        """Return the runtime whose packages run on this machine; None if it is not like Lambda's Linux."""
        machines = {machine: name for name, machine in MACHINES.items()}
        found = cls(platform.python_version().rpartition(".")[0], machines.get(platform.machine(), ""))
        library, version = platform.libc_ver()
        fits = (
            sys.platform == "linux"
            and found.architecture
            and sys.abiflags == ""  # no debug or free-threaded build
            and library == "glibc"
            and [int(part) for part in version.split(".")[:2]] >= [2, found.glibc]
        )
        return found if fits else None

    @property
    def name(self) -> str:
        """Lambda's name for the version of Python."""
        return f"python{self.python}"

    @property
    def glibc(self) -> int:
        """The minor version of glibc 2 in Amazon Linux 2 and 2023, which Lambda's Python runs on."""
        return 26 if self.python == "3.11" else 34

    @property
    def platforms(self) -> list[str]:
        """The platform tags of wheels that Lambda can load, newest first."""
        machine = MACHINES[self.architecture]
        return [
            *(f"manylinux_2_{minor}_{machine}" for minor in range(self.glibc, OLDEST - 1, -1)),
            f"manylinux2014_{machine}",
        ]

    def interpreter(self) -> str:
        """Find a Python of this version on this machine; only such a one writes its bytecode.

        :raises TaskError: there is none.
        """
        for path in _candidates(self.name):
            done = subprocess.run([path, "-c", VERSION], capture_output=True, text=True, check=False)
            if done.stdout.strip() == self.python:
                return path
        raise TaskError(
            f"Packages are for Python {self.python}, which is not installed here: install it, for example by "
            f"`uv python install {self.python}`, or change python_version in .chalice/config.json."
        )


def _candidates(name: str) -> Iterator[str]:
    yield sys.executable
    yield from filter(None, [shutil.which(name)])
    # pyenv and uv keep versions that are not on PATH
    for home in (".pyenv/versions", ".local/share/uv/python"):
        yield from map(str, sorted(Path.home().glob(f"{home}/*/bin/{name}"), reverse=True))


def install(lock: Path, folder: Path, runtime: Runtime) -> None:
    """Install what a lock lists; nothing is built, and everything must match a hash of the lock.

    :param lock: a file of requirements with hashes, transitive ones included.
    :param folder: what is installed goes here; it is created if it is missing.
    :raises TaskError: pip fails; what it says has been printed.
    """
    options = ["--require-hashes", "--only-binary=:all:", "--no-deps", "--no-compile"]
    abi = "cp" + runtime.python.replace(".", "")
    wheels = ["--implementation", "cp", "--python-version", runtime.python, "--abi", abi]
    for tag in runtime.platforms:
        wheels += ["--platform", tag]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    target = ["--target", str(folder), "-r", str(lock)]
    if subprocess.run([*command, *options, *wheels, *target], check=False).returncode:
        raise TaskError(f"`pip install` of {lock.name} failed: see its message above.")
