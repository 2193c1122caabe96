"""A client of the API: generated from the OpenAPI document, with our helpers beside it."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from chalicelib.web.openapi.document import VERSION
from tasks.errors import TaskError
from tasks.openapi import export
from tasks.processes import project_folder

GENERATOR = "openapi_generator_cli"
REQUIREMENTS = "requirements-sdk.txt"
PACKAGE = "grail-client"
HELPERS = project_folder() / "sdk"  # by language: what is copied into the generated client
UNSET = '"0.0.0"'  # the version of a helper's manifest
RELEASE = re.compile(r"\d+\.\d+\.\d+[0-9A-Za-z.+-]*")
# Our names of languages for the generator's; any other name is the generator's own.
GENERATORS = {"python": "python", "typescript": "typescript-fetch"}
PROPERTIES = {
    "python": {"packageName": PACKAGE.replace("-", "_")},
    "typescript": {"npmName": PACKAGE, "importFileExtension": ".js", "supportsES6": "true"},
    "typescript-axios": {"npmName": PACKAGE},
    "go": {"packageName": "grail"},
    "java": {
        "groupId": "org.example",
        "artifactId": PACKAGE,
        "invokerPackage": "org.example.grail",
        "apiPackage": "org.example.grail.api",
        "modelPackage": "org.example.grail.model",
    },
    "rust": {"packageName": PACKAGE},
}
# Where a client would be published: a Go module is called so, example.org/grail/client.
REPOSITORY = ("--git-host", "example.org", "--git-user-id", "grail", "--git-repo-id", "client")
MANIFESTS = ("pyproject.toml", "package.json", "package-lock.json")


def generate(language: str, version: str = "", output: str = "", url: str = "") -> Path:
    """Generate a client, and return its folder.

    :param language: python, typescript, or a name that the generator knows.
    :param version: of the client, by default that of the document.
    :param output: folder, by default clients/<language>; what was generated there before goes.
    :param url: the API's public URL, which the client calls unless it is told another.
    """
    version = version or VERSION
    if not RELEASE.fullmatch(version):
        raise TaskError(f"--version is like 1.2.3, not {version!r}.")
    name = GENERATORS.get(language, language)
    if name not in _known():
        raise TaskError(f"There is no generator for {language!r}: try python, typescript, go, java, ruby …")
    folder = Path(output or project_folder() / "clients" / language).resolve()
    _clear(folder)
    _copy_helpers(language, folder, version)
    with tempfile.TemporaryDirectory() as scratch:
        document = Path(scratch) / "openapi.json"
        document.write_text(export("json", url=url), "utf-8")
        command = ["generate", "-g", name, "-i", str(document), "-o", str(folder)]
        _run([*command, *_options(language, version)])
    return folder


def _known() -> list[str]:
    """List the generator's languages."""
    if not shutil.which("java"):
        raise TaskError(
            "The generator needs Java 17 or newer (Debian, Ubuntu: apt-get install openjdk-17-jre-headless)."
        )
    return _run(["list", "--short", "--include", "all"]).strip().split(",")


def _clear(folder: Path) -> None:
    """Remove what was generated before; raise TaskError if the folder holds anything else."""
    listed = folder / ".openapi-generator" / "FILES"
    if listed.exists():
        for name in listed.read_text("utf-8").splitlines():
            (folder / name).unlink(missing_ok=True)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TaskError(f"{folder} holds other files: choose another folder with --output.")


def _copy_helpers(language: str, folder: Path, version: str) -> None:
    """Copy our part of the client first: the generator does not overwrite what our ignore file names."""
    if not (HELPERS / language).exists():
        return
    unneeded = shutil.ignore_patterns("node_modules", "__pycache__", "dist", "build")
    shutil.copytree(HELPERS / language, folder, ignore=unneeded, dirs_exist_ok=True)
    for manifest in filter(Path.exists, (folder / name for name in MANIFESTS)):
        manifest.write_text(manifest.read_text("utf-8").replace(UNSET, json.dumps(version)), "utf-8")


def _options(language: str, version: str) -> list[str]:
    properties = {"packageVersion": version, "npmVersion": version, **PROPERTIES.get(language, {})}
    pairs = ",".join(f"{name}={value}" for name, value in properties.items())
    agent = f"{PACKAGE}/{version}/{language}"
    return ["--http-user-agent", agent, *REPOSITORY, "--additional-properties", pairs]


def _run(arguments: Sequence[str]) -> str:
    """Run the generator and return what it prints."""
    found = find_spec(GENERATOR)
    if not found or not found.origin:
        raise TaskError(f"The generator is missing: .venv/bin/pip install -r {REQUIREMENTS}")
    command = ["java", "-jar", str(Path(found.origin).with_name("openapi-generator.jar")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr, end="")
        raise TaskError("The generator failed: see its messages above. Java has to be 17 or newer.")
    return done.stdout
