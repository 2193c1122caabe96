"""A packaged stage: files that are ready to be deployed, and what they run on."""

import hashlib
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.settings import LOCAL_STAGES
from tasks.errors import TaskError
from tasks.stages import configuration

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}  # Lambda's names, and those in the names of wheels
OLDEST = 17  # manylinux2014, whose name stands for all that are older, too
VERSION = "import sys; print('%d.%d%s' % (*sys.version_info[:2], sys.abiflags))"


def require_known(stage: str) -> None:
    """Check a stage's name before anything takes time.

    :raises TaskError: there is no such stage to deploy.
    """
    if stage in LOCAL_STAGES:
        raise TaskError(
            f"Cannot deploy a stage called {stage}: the name is for this machine, so functions would look "
            "for their table on 127.0.0.1. Choose another name in .chalice/config.json."
        )
    known = configuration()["stages"]
    if stage not in known:
        raise TaskError(f"--stage is one of {', '.join(known)}.")


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


@dataclass(frozen=True)
class Package:
    """A stage's template and code in a folder."""

    folder: Path

    @property
    def template(self) -> Path:
        """The template of the stack."""
        return self.folder / "template.json"

    @property
    def code(self) -> Path:
        """The code of the functions."""
        return self.folder / "deployment.zip"

    @property
    def plain(self) -> Path:
        """The code as Chalice makes it."""
        return self.folder / "plain.zip"

    @property
    def digest(self) -> str:
        """SHA-256 of the code, in hexadecimal."""
        return hashlib.sha256(self.code.read_bytes()).hexdigest()

    def require_ready(self, stage: str) -> None:
        """Check a package that was made elsewhere.

        :raises TaskError: a file is missing, or the package is for another stage or runtime.
        """
        missing = [path for path in (self.template, self.code) if not path.is_file()]
        if missing:
            raise TaskError(f"There is no {missing[0]}: invoke package --stage {stage} makes it.")
        template = json.loads(self.template.read_text("utf-8"))
        made_for = template["Parameters"]["Stage"]["Default"]
        if made_for != stage:
            raise TaskError(f"{self.template} is for the stage {made_for}, not for {stage}.")
        runtime = Runtime.of(stage)
        found = {
            (each["Properties"]["Runtime"], *each["Properties"].get("Architectures", ["x86_64"]))
            for each in template["Resources"].values()
            if "Runtime" in each.get("Properties", {})
        }
        if found - {(runtime.name, runtime.architecture)}:
            raise TaskError(
                f"{self.template} is for {' '.join(sorted(found)[0])}, and {stage} runs on {runtime.name} "
                f"{runtime.architecture}: make it again with invoke package --stage {stage}."
            )
