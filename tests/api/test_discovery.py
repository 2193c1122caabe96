"""/.well-known/api-catalog and /.well-known/security.txt."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.settings import LOCAL_SECURITY_CONTACT
from chalicelib.web.system import expires
from tests.http import Client
from tests.target import present

CATALOG, SECURITY = "/.well-known/api-catalog", "/.well-known/security.txt"
RELATIONS = {  # registered, or of RFC 8631
    "service-desc": ["/api/v1/openapi.json", "/api/v1/openapi-3.1.json", "/api/v1/openapi.yaml"],
    "service-doc": ["/api/v1"],
    "service-meta": ["/.well-known/oauth-authorization-server"],
    "status": ["/health"],
}


@pytest.fixture(scope="module")
def gateway() -> Client:
    """The application without a table: none of this needs one."""
    return present().client()


def test_the_catalog_lists_what_describes_the_api(gateway: Client) -> None:
    """RFC 9727: descriptions, documentation, metadata and status of one API."""
    answer = gateway("GET", CATALOG)
    profile = 'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'
    assert (answer.status, answer.headers["content-type"]) == (200, profile)
    listing, api = answer.json["linkset"]
    base = api.pop("anchor")
    assert listing == {"anchor": base + CATALOG, "item": [{"href": base}]}
    found = {relation: [link["href"].removeprefix(base) for link in links] for relation, links in api.items()}
    assert found == RELATIONS


def test_what_the_catalog_links_to_is_there(gateway: Client) -> None:
    """Each address answers with the media type that its link promises."""
    _, api = gateway("GET", CATALOG).json["linkset"]
    base = api.pop("anchor")
    links = [link for each in api.values() for link in each]
    answers = [gateway("GET", link["href"].removeprefix(base)) for link in links]
    assert {answer.status for answer in answers} == {200}
    types = [answer.headers["content-type"].partition(";")[0] for answer in answers]
    assert types == [link["type"] for link in links]


def test_head_of_the_catalog_links_to_it(gateway: Client) -> None:
    """RFC 9727 §2: the headers are enough to find the catalog."""
    answer = gateway("HEAD", CATALOG)
    assert (answer.status, answer.body) == (200, b"")
    assert re.fullmatch(rf'<https?://[^>]+{CATALOG}>; rel="api-catalog"', answer.headers["link"])


def test_the_catalog_is_not_sent_twice(gateway: Client) -> None:
    """It changes with a deployment only."""
    first = gateway("GET", CATALOG)
    again = gateway("GET", CATALOG, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert "max-age" in again.headers["cache-control"]


def test_security_txt_names_the_contact(gateway: Client) -> None:
    """RFC 9116 §2.5: Contact and Expires are required, each field stands on a line of its own."""
    answer = gateway("GET", SECURITY)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    fields = dict(line.split(": ", 1) for line in answer.body.decode().splitlines())
    assert fields.keys() == {"Contact", "Expires", "Preferred-Languages", "Canonical"}
    assert fields["Contact"] == LOCAL_SECURITY_CONTACT
    assert fields["Canonical"].endswith(SECURITY)
    left = datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)
    assert timedelta(days=170) < left < timedelta(days=365)


@pytest.mark.parametrize(
    ("now", "then"), [("2026-01-01T00:00:00", "2026-06-30"), ("2026-01-01T23:59:59", "2026-06-30")]
)
def test_security_txt_is_the_same_all_day(now: str, then: str) -> None:
    """Caches that ask again keep what they have."""
    assert expires(datetime.fromisoformat(now).replace(tzinfo=UTC)) == f"{then}T00:00:00Z"


@pytest.mark.in_process("depends on a setting")
def test_there_is_no_security_txt_without_a_contact(gateway: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without Contact is not valid: 404."""
    import app as application  # noqa: PLC0415 - over HTTP there is none in this process

    monkeypatch.setattr(application.api, "settings", replace(application.api.settings, security_contact=None))
    answer = gateway("GET", SECURITY)
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
