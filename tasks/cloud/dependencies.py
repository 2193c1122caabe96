"""The libraries that ship: checked by hash, and built for Lambda on any machine."""

import platform
import subprocess
import sys
from pathlib import Path

from tasks.errors import TaskError
from tasks.stages import configuration

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}  # Lambda's names, and those in the names of wheels
# The minor version of glibc 2 in Amazon Linux 2 and 2023, which Lambda's Python runs on.
GLIBC = 26 if sys.version_info < (3, 12) else 34
OLDEST = 17  # manylinux2014, whose name stands for all that are older, too
PYTHON = f"{sys.version_info.major}{sys.version_info.minor}"


def architecture_of(stage: str) -> str:
    """Return the architecture that the stage's functions run on, x86_64 or arm64."""
    config = configuration()
    chosen = {**config, **config["stages"].get(stage, {})}
    return str(chosen.get("lambda_architecture", "x86_64"))


def platforms(architecture: str) -> list[str]:
    """Return the platform tags of wheels that Lambda can load, newest first.

    :param architecture: x86_64 or arm64.
    """
    machine = MACHINES[architecture]
    return [
        *(f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, OLDEST - 1, -1)),
        f"manylinux2014_{machine}",
    ]


def install(lock: Path, folder: Path, architecture: str) -> None:
    """Install what a lock lists; nothing is built, and everything must match a hash of the lock.

    :param lock: a file of requirements with hashes, transitive ones included.
    :param folder: what is installed goes here; it is created if it is missing.
    :param architecture: x86_64 or arm64.
    :raises TaskError: pip fails; what it says has been printed.
    """
    options = ["--require-hashes", "--only-binary=:all:", "--no-deps", "--no-compile"]
    wheels = ["--implementation", "cp", "--python-version", PYTHON, "--abi", f"cp{PYTHON}"]
    for tag in platforms(architecture):
        wheels += ["--platform", tag]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    target = ["--target", str(folder), "-r", str(lock)]
    if subprocess.run([*command, *options, *wheels, *target], check=False).returncode:
        raise TaskError(f"`pip install` of {lock.name} failed: see its message above.")


def runs_here(architecture: str) -> bool:
    """Whether this machine can load the native modules of a package, which are for Lambda.

    :param architecture: that of the package, x86_64 or arm64.
    """
    library, version = platform.libc_ver()
    return (
        sys.platform == "linux"
        and platform.machine() == MACHINES[architecture]
        and sys.abiflags == ""  # no debug or free-threaded build
        and library == "glibc"
        and [int(part) for part in version.split(".")[:2]] >= [2, GLIBC]
    )
