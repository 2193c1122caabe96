"""Generated clients of other languages: they compile, and do a first job against a running server."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.openapi import export
from tests.e2e.stack import Stack
from tests.sdk.conftest import HERE, generate, run

DRIVERS = HERE / "drivers"
OAPI_CODEGEN = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"
SECONDS = 1200  # a client in Rust needs 200 packages
PRINTED = """user
Engines
Difference engines
1
422 Invalid value
"""


@dataclass(frozen=True)
class Language:
    """How a client is built and driven.

    :param needs: programs that build it.
    :param builds: commands that compile the client and its driver.
    :param drive: the command that runs the driver; the server's address is added.
    """

    needs: tuple[str, ...]
    builds: tuple[tuple[str, ...], ...]
    drive: tuple[str, ...]


GO = Language(
    ("go",),
    (("go", "mod", "tidy"), ("go", "vet", "./..."), ("go", "build", "-o", "driven", "./drive")),
    ("./driven",),
)
LANGUAGES = {
    "rust": Language(
        ("cargo", "cc"),
        (("cargo", "build", "--quiet", "--manifest-path", "drive/Cargo.toml"),),
        ("drive/target/debug/drive",),
    ),
    "java": Language(
        ("mvn", "javac"),
        (("mvn", "--quiet", "--batch-mode", "compile", "dependency:copy-dependencies"),),
        ("java", "-cp", "target/classes:target/dependency/*", "Drive"),
    ),
    "go": GO,
    "typescript-axios": Language(
        ("npm",),
        (
            ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"),
            ("npx", "tsc", "--strict", "--module", "nodenext", "--target", "es2022", "drive.mts"),
        ),
        ("node", "drive.mjs"),
    ),
}


def need(programs: Sequence[str]) -> None:
    """Skip without a toolchain; in CI that would hide that nothing was tested."""
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"Not installed: {', '.join(missing)}.")


def drive(name: str, language: Language, folder: Path, stack: Stack) -> str:
    """Put a driver into the client's folder, compile both, and return what the driver prints."""
    shutil.copytree(DRIVERS / name, folder, dirs_exist_ok=True)
    for command in language.builds:
        run(command, folder, timeout=SECONDS)
    return run([*language.drive, stack.url], folder)


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_client_compiles_and_works(name: str, stack: Stack, tmp_path: Path) -> None:
    """A token, the caller, a team created, renamed and listed, and a problem with its title."""
    language = LANGUAGES[name]
    need(language.needs)
    assert drive(name, language, generate(name, tmp_path), stack) == PRINTED


def test_the_client_of_oapi_codegen_compiles_and_works(stack: Stack, tmp_path: Path) -> None:
    """Go's other generator reads the document that `invoke openapi.export` writes."""
    need(GO.needs)
    (tmp_path / "openapi.json").write_text(export("json"), "utf-8")
    options = ("-generate", "types,client", "-package", "grail", "-o", "grail.gen.go")
    run(["go", "run", OAPI_CODEGEN, *options, "openapi.json"], tmp_path, timeout=SECONDS)
    assert drive("oapi-codegen", GO, tmp_path, stack) == PRINTED
