"""Redocly and Spectral (with OWASP's rules) over the OpenAPI document, as a deployed stage would have it."""

import os
import shutil
import subprocess
from pathlib import Path

from tasks.openapi import export
from tasks.processes import project_folder

URL = "https://api.grail.test/prod"
RULES = Path(__file__).with_name("openapi_lint")
# npm puts its packages beside the rule sets, which name them.
FOLDER = project_folder() / ".local" / "openapi-lint"
MISSING = "The linters need Node.js and npm (Debian, Ubuntu: apt-get install nodejs npm)."
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
REDOCLY = ("redocly", "lint", "openapi.json", "--config=redocly.yaml", "--format=stylish")
SPECTRAL = ("spectral", "lint", "openapi.json", "--ruleset=spectral.yaml", "--fail-severity=warn")
# Linting asks no host for anything.
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def lint() -> int:
    """Run both linters over the document, also after one has failed.

    :raises OSError: npm is missing.
    :raises subprocess.CalledProcessError: npm could not install the linters.
    """
    return lint_text(export("json", url=URL))


def lint_text(document: str) -> int:
    """Run both linters over a document, as JSON; see lint."""
    _install()
    (FOLDER / "openapi.json").write_text(document, "utf-8")
    return max([_run(command) for command in (REDOCLY, SPECTRAL)])


def _install() -> None:
    """Install what the lock file pins, unless that was done, and put the rules beside it."""
    if not shutil.which("npm"):
        raise FileNotFoundError(MISSING)
    FOLDER.mkdir(parents=True, exist_ok=True)
    done, pins = FOLDER / "node_modules" / "installed.json", (RULES / "package-lock.json").read_bytes()
    for source in RULES.iterdir():
        shutil.copy(source, FOLDER)
    if not done.exists() or done.read_bytes() != pins:
        subprocess.run(INSTALL, cwd=FOLDER, check=True)
        done.write_bytes(pins)


def _run(command: tuple[str, ...]) -> int:
    print("$", *command, flush=True)
    program = str(FOLDER / "node_modules" / ".bin" / command[0])
    environment = {**os.environ, **QUIET}
    return subprocess.run([program, *command[1:]], cwd=FOLDER, env=environment, check=False).returncode
