"""`invoke openapi.lint`: Redocly's and Spectral's rules, OWASP's among them, hold for the document."""

import json
import os
import shutil
from typing import Any

import pytest

from tasks.lint import MISSING, RULES, URL, lint, lint_text
from tasks.openapi import export


@pytest.fixture(autouse=True)
def _node() -> None:
    """Skip without Node.js; in CI that would hide that nothing was linted."""
    if not shutil.which("npm"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)


def test_the_document_breaks_no_rule() -> None:
    """OpenAPI 3.0.3 that tools take without an error or a warning."""
    assert lint() == 0


def test_what_breaks_a_rule_is_found(capfd: pytest.CaptureFixture[str]) -> None:
    """Rules that are narrowed or excepted still hold everywhere else."""
    document = json.loads(export("json", url=URL))
    found = _break(document)
    assert lint_text(json.dumps(document)) != 0
    output = "".join(capfd.readouterr())
    assert [rule for rule in found if rule not in output] == []


def _break(document: dict[str, Any]) -> list[str]:
    """Break one rule each in many places, and name the rules."""
    paths, components = document["paths"], document["components"]
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
    """The same rules everywhere: exact versions, from whatever registry npm is told to use."""
    package = json.loads((RULES / "package.json").read_text("utf-8"))
    locked = json.loads((RULES / "package-lock.json").read_text("utf-8"))["packages"]
    versions = {name: locked[f"node_modules/{name}"]["version"] for name in package["dependencies"]}
    assert versions == package["dependencies"]
    assert not any("resolved" in entry for entry in locked.values())
