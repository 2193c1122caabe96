"""The documentation page and the documents: public, cacheable, and free of external content."""

import json
import re

import pytest
import yaml

from chalicelib.web.docs import FOLDER, TYPES, page
from chalicelib.web.openapi.version_31 import to_31
from tests.architecture.test_imports import run
from tests.http import Client
from tests.target import present

DOCUMENTS = (
    "/api/v1",
    "/api/v1/openapi.json",
    "/api/v1/openapi-3.1.json",
    "/api/v1/openapi.yaml",
    "/api/v1/static/docs.js",
)
CALL = """
import sys, app
from tests.http import Client, InProcess
assert Client(InProcess(app.app))("GET", {path!r}).status == 200
print("apispec" in sys.modules)
"""


@pytest.fixture(scope="module")
def gateway() -> Client:
    """The application without a table: none of this needs one."""
    return present().client()


def test_the_page_is_closed_to_everything_from_elsewhere(gateway: Client) -> None:
    """Behaviour 55: scripts and styles are files of its own; no inline code, no plugins, no frames."""
    answer = gateway("GET", "/api/v1")
    parts = (part.split() for part in answer.headers["content-security-policy"].split(";"))
    policy = {name: sources for name, *sources in parts}
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert {name for name, sources in policy.items() if sources == ["'none'"]} == {
        "default-src",
        "object-src",
        "base-uri",
        "form-action",
        "frame-ancestors",
    }
    assert (policy["script-src"], policy["style-src"], policy["connect-src"]) == (["'self'"],) * 3
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_the_page_has_nothing_inline() -> None:
    """Behaviour 55: the page has nothing that its policy would block."""
    text = page("index.html", "")
    assert re.findall(r"<script(?![^>]*\ssrc=)[^>]*>|<style|\son\w+=|\sstyle=|javascript:", text) == []


@pytest.mark.parametrize("base", ["", "/dev", "/a/b"])
def test_the_page_names_its_own_host_alone(gateway: Client, base: str) -> None:
    """Behaviour 55: each file is served here, below the stage's prefix."""
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page("index.html", base))
    assert addresses
    assert all(address.startswith(f"{base}/api/v1/") for address in addresses)
    assert {gateway("GET", address.removeprefix(base)).status for address in addresses} == {200}


def test_a_deployed_page_names_no_development_users() -> None:
    """They are there on local stages only."""
    local, deployed = page("index.html", "", is_local=True), page("index.html", "")
    assert ("development users" in local, "development users" in deployed) == (True, False)
    assert "{{" not in local + deployed


def test_a_prefix_can_not_break_out_of_its_attribute() -> None:
    """Behaviour 55: it comes from settings, and is escaped all the same."""
    assert '"><script>' not in page("index.html", '/x"><script>')


@pytest.mark.parametrize("path", DOCUMENTS)
def test_what_did_not_change_is_not_sent_again(gateway: Client, path: str) -> None:
    """RFC 9110 §13.1.2: 304 for the ETag of the answer before, with its caching headers."""
    first = gateway("GET", path)
    again = gateway("GET", path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers["cache-control"] == first.headers["cache-control"] != "no-store"


@pytest.mark.parametrize("name", TYPES)
def test_files_are_kept_by_their_digest(gateway: Client, name: str) -> None:
    """A release brings new addresses, so a browser asks once for each file."""
    pages = page("index.html", "") + page("oauth2-redirect.html", "")
    address = re.search(rf'"(/api/v1/static/{re.escape(name)}\?v=\w+)"', pages)
    assert address
    answer = gateway("GET", address[1], headers={"Accept": "*/*"})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(TYPES[name])
    assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in gateway("GET", f"/api/v1/static/{name}?v=other").headers["cache-control"]


@pytest.mark.parametrize("name", ["index.html", "README.md", "..", "docs.js.gz", "%2e%2e%2fdocs.py", "x"])
def test_no_other_file_is_given(gateway: Client, name: str) -> None:
    """Behaviour 49: only the page's own files are served, whatever path is requested."""
    assert gateway("GET", f"/api/v1/static/{name}").status == 404


def test_both_forms_say_the_same(gateway: Client) -> None:
    """One document, as JSON and as YAML."""
    as_json, as_yaml = (gateway("GET", f"/api/v1/openapi.{form}") for form in ("json", "yaml"))
    assert as_yaml.headers["content-type"] == "application/yaml"
    assert json.loads(as_json.body) == yaml.safe_load(as_yaml.body)


def test_the_newer_version_is_the_same_document(gateway: Client) -> None:
    """OpenAPI 3.1 of the stage that was asked, with its own ETag."""
    old, new = (gateway("GET", f"/api/v1/{name}.json") for name in ("openapi", "openapi-3.1"))
    assert new.json == to_31(old.json)
    assert old.headers["etag"] != new.headers["etag"]


@pytest.mark.parametrize(
    ("path", "imported"), [("/api/v1", False), ("/health", False), ("/api/v1/openapi.json", True)]
)
def test_only_the_document_imports_apispec(path: str, imported: bool) -> None:
    """Other requests do not load it."""
    done = run("-c", CALL.format(path=path))
    assert (done.returncode, done.stdout.strip()) == (0, str(imported)), done.stderr


def test_the_vendored_files_are_named_with_their_version() -> None:
    """The README beside Swagger UI names its version; the licenses come with it."""
    assert re.search(r"swagger-ui-dist 5\.\d+\.\d+", (FOLDER / "README.md").read_text("utf-8"))
    assert {path.name for path in FOLDER.glob("*LICENSE*")} == {
        "swagger-ui.LICENSE.txt",
        "swagger-ui-bundle.js.LICENSE.txt",
    }
