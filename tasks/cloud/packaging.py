"""`invoke package`: what `chalice package` makes, merged with infra/ and rebuilt to start fast."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tasks.cloud import bundle, template
from tasks.cloud.package import Package, Runtime, require_known
from tasks.errors import TaskError
from tasks.processes import project_folder

LOCK, VENDOR = "requirements.txt", "vendor"
SHIPPED = ("app.py", "chalicelib", LOCK, ".chalice", VENDOR)
NOT_COPIED = shutil.ignore_patterns("__pycache__", "deployments", "deployed", "venv*")
MEGABYTE = 1024**2
MOST_BYTES = 12 * MEGABYTE


def make(stage: str) -> Package:
    """Package a stage into packaged/STAGE, and print its size and digest.

    :raises TaskError: see `build`; or there is no such stage.
    """
    require_known(stage)
    made = build(stage, project_folder() / "packaged" / stage)
    size, plain = (path.stat().st_size / MEGABYTE for path in (made.code, made.plain))
    name = made.code.relative_to(project_folder())
    print(f"{name}: {size:.1f} MB (plain `chalice package`: {plain:.1f} MB), SHA-256 {made.digest}")
    return made


def build(stage: str, output: Path, runtime: Runtime | None = None) -> Package:
    """Package a stage.

    :param output: folder for the template and the code; what was there is replaced.
    :param runtime: what the package is to run on, by default the stage's; any machine makes it.
    :raises TaskError: Chalice fails, there is no Python for the bytecode, or the package is too large.
    """
    runtime = runtime or Runtime.of(stage)
    python = runtime.interpreter()
    package = Package(output)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_project(folder / "project")
        add_dependencies(folder / "project", runtime)
        (folder / "infra.json").write_text(json.dumps(template.fragments(stage)))
        run_chalice(
            stage, folder / "project", folder / "made", "--merge-template", str(folder / "infra.json")
        )
        output.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "made" / "deployment.zip", package.plain)
        bundle.rebuild(package.plain, package.code, folder / "task", python)
        made = json.loads((folder / "made" / "sam.json").read_text("utf-8"))
    finished = template.complete(made, package.digest[:12], runtime)
    package.template.write_text(json.dumps(finished, indent=2, sort_keys=True) + "\n", "utf-8")
    if package.code.stat().st_size > MOST_BYTES:
        raise TaskError(f"{package.code} is larger than {MOST_BYTES:,} bytes: remove dependencies or files.")
    return package


def copy_project(folder: Path) -> None:
    """Copy what ships, and the configuration; Chalice would take bytecode and former packages along."""
    folder.mkdir()
    for name in SHIPPED:
        source = project_folder() / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=NOT_COPIED)
        elif source.exists():
            shutil.copy(source, folder)


def add_dependencies(project: Path, runtime: Runtime) -> None:
    """Install the locked libraries into a copy of the project.

    Chalice finds them in the folder vendor, and downloads nothing: it would check hashes in the first of its
    downloads only, which is for this machine.
    """
    install(project / LOCK, project / VENDOR, runtime)
    (project / LOCK).write_text("")


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


def run_chalice(stage: str, project: Path, output: Path, *options: str) -> None:
    """Run `chalice package`.

    :raises TaskError: it fails; what it says has been printed.
    """
    chalice = str(Path(sys.executable).with_name("chalice"))
    command = [chalice, "package", "--stage", stage, *options, str(output)]
    environment = {"AWS_DEFAULT_REGION": "us-east-1", **os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if subprocess.run(command, cwd=project, env=environment, check=False).returncode:
        raise TaskError(f"`chalice package --stage {stage}` failed: see its message above.")
