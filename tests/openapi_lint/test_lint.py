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
FILES = {version: f"openapi-{version}.json" for version in VERSIONS}
REDOCLY = ("redocly", "lint", "--config=redocly.yaml", "--format=json", "--max-problems=9999")
SPECTRAL = ("spectral", "lint", "--ruleset=spectral.yaml", "--format=json", "--quiet")
WARNING = 1  # Spectral's severity
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


def lint(documents: dict[str, Any]) -> set[tuple[str, str]]:
    """Run both linters, and return the rules that are broken, each with the version of its document."""
    found = set()
    for version, document in documents.items():
        (FOLDER / FILES[version]).write_text(json.dumps(document), "utf-8")
        found |= {(version, each["ruleId"]) for each in run(*REDOCLY, FILES[version])["problems"]}
    # one process for all documents, since its start takes as long as a document
    versions = {name: version for version, name in FILES.items()}
    for each in run(*SPECTRAL, *FILES.values()):
        if each["severity"] <= WARNING:
            # OWASP's rules have names such as owasp:api4:2023-string-limit
            found.add((versions[Path(each["source"]).name], each["code"].rpartition("2023-")[2]))
    return found


def run(program: str, *arguments: str) -> Any:
    """Run a linter, and return what it prints."""
    command = [str(FOLDER / "node_modules" / ".bin" / program), *arguments]
    environment = {**os.environ, **QUIET}
    done = subprocess.run(command, cwd=FOLDER, env=environment, stdout=subprocess.PIPE, check=False)  # noqa: S603 - as above
    return json.loads(done.stdout)


def test_the_documents_break_no_rule() -> None:
    """OpenAPI that tools take without an error or a warning."""
    assert lint({version: exported(version) for version in VERSIONS}) == set()


def test_what_breaks_a_rule_is_found() -> None:
    """Rules that are narrowed or excepted still hold everywhere else."""
    documents = {version: exported(version) for version in VERSIONS}
    wanted = {(version, rule) for version, document in documents.items() for rule in _break(document)}
    assert wanted - lint(documents) == set()


def exported(version: str) -> Any:
    """Return the document as a deployed stage has it."""
    return json.loads(export("json", url=URL, version=version))


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
    paths["/api/v1/users"]["post"]["requestBody"]["content"]["application/json"]["example"] = {"username": 1}
    components["schemas"]["Team"]["properties"]["title"]["example"] = 1
    parameters = paths["/api/v1/teams"]["get"]["parameters"]
    next(each for each in parameters if each.get("name") == "limit")["example"] = "many"
    return [
        "no-invalid-media-type-examples",
        "no-invalid-parameter-examples",
        "no-invalid-schema-examples",
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
