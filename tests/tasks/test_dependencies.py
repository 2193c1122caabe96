"""The libraries that ship: for Lambda's platform, by their hashes, on whatever machine packages them."""

import json
import platform
import sys
from pathlib import Path

import pytest

from tasks.cloud import package, packaging
from tasks.cloud.package import Runtime
from tasks.cloud.packaging import LOCK, VENDOR, add_dependencies, install
from tasks.errors import TaskError
from tasks.processes import project_folder
from tests.architecture.source import ROOT

MACHINE = 18  # where ELF has the number of the architecture
ELF = {"x86_64": 62, "arm64": 183}
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_wheels_are_for_the_glibc_of_the_runtime() -> None:
    """Every level that Lambda's Linux takes is listed: pip looks for each tag as it stands."""
    found = Runtime("3.13", "arm64").platforms
    assert (found[0], len(found)) == ("manylinux_2_34_aarch64", 34 - 17 + 2)
    assert found[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]
    assert Runtime("3.11", "x86_64").platforms[0] == "manylinux_2_26_x86_64"


@pytest.mark.parametrize(
    ("own", "expected"),
    [({}, Runtime("3.13", "arm64")), ({"lambda_architecture": "x86_64"}, Runtime("3.13", "x86_64"))],
)
def test_the_runtime_is_a_stages_own_or_that_of_all_stages(
    own: object, expected: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Chalice reads the architecture."""
    config = {"python_version": "3.13", "lambda_architecture": "arm64", "stages": {"dev": own}}
    monkeypatch.setattr(package, "configuration", lambda: config)
    assert Runtime.of("dev") == expected


def test_without_a_python_of_the_runtime_nothing_is_packaged() -> None:
    """Its bytecode would be for another version, and every cold start would compile anew."""
    assert Runtime(HERE, "x86_64").interpreter() == sys.executable
    with pytest.raises(TaskError, match=r"^Packages are for Python 3\.99, which is not installed here: .*uv"):
        Runtime("3.99", "x86_64").interpreter()


MACHINES = {
    "Linux like Lambda's": ("linux", "x86_64", ("glibc", "2.39"), True),
    "Linux on ARM": ("linux", "aarch64", ("glibc", "2.39"), False),
    "a Mac": ("darwin", "arm64", ("", ""), False),
    "a Mac with Intel": ("darwin", "x86_64", ("", ""), False),
    "Alpine": ("linux", "x86_64", ("", ""), False),
    "an older Linux": ("linux", "x86_64", ("glibc", "2.17"), False),
}


def become(monkeypatch: pytest.MonkeyPatch, kind: str) -> bool:
    """Look like another machine, and return whether it can run packages for x86_64."""
    system, machine, libc, expected = MACHINES[kind]
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)
    return expected


@pytest.mark.parametrize("kind", MACHINES)
def test_a_package_runs_on_machines_like_lambda_only(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere its native modules cannot be loaded."""
    expected = become(monkeypatch, kind)
    assert (Runtime.here() == Runtime(HERE, "x86_64")) is expected


def test_chalice_gets_the_libraries_and_downloads_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It checks hashes only in the first of its downloads, which takes wheels for this machine."""
    installed: list[tuple[Path, Path, Runtime]] = []
    monkeypatch.setattr(packaging, "install", lambda *arguments: installed.append(arguments))
    (tmp_path / LOCK).write_text("six==1.17.0\n")
    runtime = Runtime("3.13", "arm64")
    add_dependencies(tmp_path, runtime)
    assert installed == [(tmp_path / LOCK, tmp_path / VENDOR, runtime)]
    assert (tmp_path / LOCK).read_text() == ""


def locked(names: str, folder: Path) -> Path:
    """A lock of a few packages of the real one."""
    entries = (ROOT / LOCK).read_text("utf-8").replace("\\\n", "").splitlines()
    found = [entry for entry in entries if entry.partition("==")[0] in names.split()]
    path = folder / "some.txt"
    path.write_text("\n".join(found))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.13", "3.14"])
@pytest.mark.parametrize("architecture", ELF)
def test_native_modules_are_for_the_functions_architecture(
    architecture: str, python: str, tmp_path: Path
) -> None:
    """Whatever machine this is; the package registry has wheels for both."""
    lock = locked("cryptography cffi argon2-cffi-bindings pyyaml", tmp_path)
    install(lock, tmp_path / "vendor", Runtime(python, architecture))
    native = list((tmp_path / "vendor").rglob("*.so"))
    assert len(native) >= 4
    assert {path.read_bytes()[MACHINE] for path in native} == {ELF[architecture]}


@pytest.mark.slow
def test_a_library_with_another_hash_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What the registry serves must be what was locked."""
    lock = locked("six", tmp_path)
    lock.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}")
    with pytest.raises(TaskError, match=r"`pip install` of some\.txt failed"):
        install(lock, tmp_path / "vendor", Runtime("3.13", "x86_64"))
    assert "DO NOT MATCH THE HASHES" in capfd.readouterr().err
    assert not list((tmp_path / "vendor").rglob("*.py"))


@pytest.mark.slow
def test_a_library_without_a_hash_is_refused(tmp_path: Path) -> None:
    """A line that somebody adds by hand does not weaken the rest."""
    lock = locked("six", tmp_path)
    lock.write_text("six==1.17.0")
    with pytest.raises(TaskError):
        install(lock, tmp_path / "vendor", Runtime("3.13", "x86_64"))


def test_the_configuration_names_a_runtime_for_each_stage() -> None:
    """One that there are wheels for, and that Lambda supports for years."""
    stages = json.loads((project_folder() / ".chalice" / "config.json").read_text("utf-8"))["stages"]
    assert {Runtime.of(stage) for stage in stages} == {Runtime("3.13", "arm64")}
