"""Redocly's and Spectral's rules, OWASP's among them, hold for the OpenAPI document of a deployed stage."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tasks.openapi import VERSIONS, export
from tasks.processes import project_folder

URL = "https://api.grail.test/prod"
RULES = Path(__file__).parent
# npm puts its packages beside the rule sets, which name them
FOLDER = project_folder() / ".local" / "openapi-lint"
MISSING = "The linters need Node.js and npm (Debian, Ubuntu: apt-get install nodejs npm)."
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
REDOCLY = ("redocly", "lint", "openapi.json", "--config=redocly.yaml", "--format=stylish")
SPECTRAL = ("spectral", "lint", "openapi.json", "--ruleset=spectral.yaml", "--fail-severity=warn")
# All paths would take many times as long.
BROKEN = ("/health", "/api/v1/teams", "/api/v1/users", "/api/v1/users/me")
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


@pytest.fixture(autouse=True, scope="module")
def _linters() -> None:
    """Install what the lock file pins; skip without Node.js, except in CI, where that would hide flaws."""
    if not shutil.which("npm"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in RULES.glob("*.*"):
        shutil.copy(path, FOLDER)
    done, pins = FOLDER / "node_modules" / "installed.json", (RULES / "package-lock.json").read_bytes()
    if not done.exists() or done.read_bytes() != pins:
        subprocess.run(INSTALL, cwd=FOLDER, check=True)  # noqa: S603 - as above
        done.write_bytes(pins)


def lint(document: str) -> int:
    """Run both linters, also after one has failed."""
    (FOLDER / "openapi.json").write_text(document, "utf-8")
    return max(run(command) for command in (REDOCLY, SPECTRAL))


def run(command: tuple[str, ...]) -> int:
    """Run a linter."""
    program = str(FOLDER / "node_modules" / ".bin" / command[0])
    environment = {**os.environ, **QUIET}
    return subprocess.run([program, *command[1:]], cwd=FOLDER, env=environment, check=False).returncode  # noqa: S603 - as above


@pytest.mark.parametrize("version", VERSIONS)
def test_the_document_breaks_no_rule(version: str) -> None:
    """OpenAPI that tools take without an error or a warning."""
    assert lint(export("json", url=URL, version=version)) == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_what_breaks_a_rule_is_found(version: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Rules that are narrowed or excepted still hold everywhere else."""
    document = json.loads(export("json", url=URL, version=version))
    found = _break(document)
    assert lint(json.dumps(document)) != 0
    output = "".join(capfd.readouterr())
    assert [rule for rule in found if rule not in output] == []


def _break(document: dict[str, Any]) -> list[str]:
    """Break one rule each in many places of some paths, and name the rules."""
    document["paths"] = paths = {path: document["paths"][path] for path in BROKEN}
    components = document["components"]
    document["servers"][0]["url"] = "http://api.grail.test"
    del document["info"]["license"]
    del paths["/health"]["get"]["security"]
    del paths["/api/v1/teams"]["post"]["security"]
    del paths["/api/v1/teams"]["post"]["responses"]["201"]["headers"]["Access-Control-Allow-Origin"]
    del paths["/api/v1/users"]["get"]["responses"]["401"]
    del paths["/api/v1/users/me"]["get"]["responses"]["429"]
    for status in ("400", "422"):
        del paths["/api/v1/teams"]["get"]["responses"][status]
    components["securitySchemes"]["people"] = {"type": "http", "scheme": "basic"}
    del components["securitySchemes"]["oauth2"]["flows"]["password"]["refreshUrl"]
    del components["schemas"]["TeamInput"]["properties"]["title"]["maxLength"]
    del components["schemas"]["TeamInput"]["properties"]["title"]["pattern"]
    del components["schemas"]["Team"]["properties"]["members"]["maxItems"]
    return [
        "info-license",
        "no-server-http",
        "read-restricted",
        "write-restricted",
        "define-cors-origin",
        "define-error-responses-401",
        "rate-limit-responses-429",
        "define-error-validation",
        "no-http-basic",
        "short-lived-access-tokens",
        "string-limit",
        "string-restricted",
        "array-limit",
    ]


def test_the_linters_are_pinned() -> None:
    """The same rules everywhere: exact versions, from the registry that npm is configured with."""
    package = json.loads((RULES / "package.json").read_text("utf-8"))
    locked = json.loads((RULES / "package-lock.json").read_text("utf-8"))["packages"]
    versions = {name: locked[f"node_modules/{name}"]["version"] for name in package["dependencies"]}
    assert versions == package["dependencies"]
    assert not any("resolved" in entry for entry in locked.values())
