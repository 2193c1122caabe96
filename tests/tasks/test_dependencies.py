"""The libraries that ship: for Lambda's platform, by their hashes, on whatever machine packages them."""

import json
import platform
import sys
from pathlib import Path

import pytest

from tasks.cloud import dependencies, packaging
from tasks.cloud.dependencies import architecture_of, install, platforms, runs_here
from tasks.cloud.packaging import LOCK, VENDOR, add_dependencies
from tasks.errors import TaskError
from tasks.processes import project_folder
from tests.architecture.source import ROOT

MACHINE = 18  # where ELF has the number of the architecture
ELF = {"x86_64": 62, "arm64": 183}


def test_wheels_are_for_the_glibc_of_the_runtime() -> None:
    """Every level that Lambda's Linux takes is listed: pip looks for each tag as it stands."""
    found = platforms("arm64")
    assert found[0] == f"manylinux_2_{dependencies.GLIBC}_aarch64"
    assert found[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]
    assert len(found) == dependencies.GLIBC - 17 + 2
    assert {tag.rpartition("_")[2] for tag in platforms("x86_64")} == {"64"}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"stages": {"dev": {}}}, "x86_64"),
        ({"lambda_architecture": "arm64", "stages": {"dev": {}}}, "arm64"),
        ({"lambda_architecture": "arm64", "stages": {"dev": {"lambda_architecture": "x86_64"}}}, "x86_64"),
    ],
)
def test_the_architecture_is_the_one_that_chalice_deploys(
    config: object, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage's own, else that of all stages."""
    monkeypatch.setattr(dependencies, "configuration", lambda: config)
    assert architecture_of("dev") == expected


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
    assert runs_here("x86_64") is expected


def test_chalice_gets_the_libraries_and_downloads_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It checks hashes only in the first of its downloads, which takes wheels for this machine."""
    installed: list[tuple[Path, Path, str]] = []
    monkeypatch.setattr(packaging, "install", lambda *arguments: installed.append(arguments))
    (tmp_path / LOCK).write_text("six==1.17.0\n")
    add_dependencies(tmp_path, "arm64")
    assert installed == [(tmp_path / LOCK, tmp_path / VENDOR, "arm64")]
    assert (tmp_path / LOCK).read_text() == ""


def locked(names: str, folder: Path) -> Path:
    """A lock of a few packages of the real one."""
    entries = (ROOT / LOCK).read_text("utf-8").replace("\\\n", "").splitlines()
    found = [entry for entry in entries if entry.partition("==")[0] in names.split()]
    path = folder / "some.txt"
    path.write_text("\n".join(found))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ELF)
def test_native_modules_are_for_the_functions_architecture(architecture: str, tmp_path: Path) -> None:
    """Whatever machine this is; the package registry has wheels for both."""
    lock = locked("cryptography cffi argon2-cffi-bindings pyyaml", tmp_path)
    install(lock, tmp_path / "vendor", architecture)
    native = list((tmp_path / "vendor").rglob("*.so"))
    assert len(native) >= 4
    assert {path.read_bytes()[MACHINE] for path in native} == {ELF[architecture]}


@pytest.mark.slow
def test_a_library_with_another_hash_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What the registry serves must be what was locked."""
    lock = locked("six", tmp_path)
    lock.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}")
    with pytest.raises(TaskError, match=r"`pip install` of some\.txt failed"):
        install(lock, tmp_path / "vendor", "x86_64")
    assert "DO NOT MATCH THE HASHES" in capfd.readouterr().err
    assert not list((tmp_path / "vendor").rglob("*.py"))


@pytest.mark.slow
def test_a_library_without_a_hash_is_refused(tmp_path: Path) -> None:
    """A line that somebody adds by hand does not weaken the rest."""
    lock = locked("six", tmp_path)
    lock.write_text("six==1.17.0")
    with pytest.raises(TaskError):
        install(lock, tmp_path / "vendor", "x86_64")


def test_the_configuration_is_read_from_the_project() -> None:
    """Each stage has an architecture that there are wheels for."""
    config = json.loads((project_folder() / ".chalice" / "config.json").read_text("utf-8"))
    assert {architecture_of(stage) for stage in config["stages"]} <= set(dependencies.MACHINES)
