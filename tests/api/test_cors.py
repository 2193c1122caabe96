"""Cross-origin requests: which pages may read answers."""

from dataclasses import replace

import pytest

from chalicelib.settings import Settings
from chalicelib.web.responses import cors_headers, preflight_headers
from tests.http import Answer, Client
from tests.support import unsendable
from tests.target import present

LOCAL = ("http://localhost", "http://localhost:3000", "https://localhost:8443", "http://127.0.0.1:5173")
FOREIGN = (
    "https://evil.example",
    "null",
    "",
    "*",
    "http://localhost.evil.example",
    "http://localhost:3000.evil.example",
    "http://127.0.0.1.evil.example:80",
    "http://evil.example/http://localhost:3000",
    "http://user@localhost:3000",
    "http://localhost:3000@evil.example",
    "http://localhost:",
    "http://localhost:123456",
    unsendable("http://localhost:\uff18\uff10"),
    "http://localhost:3000/",
    unsendable("http://localhost:3000\r\nX-Injected: 1"),
    "http://127x0x0x1:3000",
    "ftp://localhost:3000",
    "HTTP://LOCALHOST:3000",
)
LISTED = "https://app.grail.test"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def granted(answer: Answer) -> dict[str, str]:
    """Pick what lets a browser go on."""
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.fixture(scope="module")
def gateway() -> Client:
    """The application without a table: none of this needs one."""
    return present().client()


@pytest.fixture
def deployed(settings: Settings) -> Settings:
    """A deployed stage that lists one origin."""
    return replace(settings, stage="prod", cors_origins=(LISTED,))


@pytest.mark.parametrize("origin", LOCAL)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/health"), ("GET", "/api/v1/teams"), ("PUT", "/health")]
)
def test_local_pages_may_read_every_answer(gateway: Client, method: str, path: str, origin: str) -> None:
    """Behaviour 53: on local stages any port of localhost, refusals included."""
    answer = gateway(method, path, headers={"Origin": origin})
    assert (answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (origin, "Origin")


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("preflight", [{}, PREFLIGHT], ids=["request", "preflight"])
def test_an_unlisted_origin_gets_nothing(gateway: Client, preflight: dict[str, str], origin: str) -> None:
    """Behaviour 53: no Access-Control header at all, and Vary: Origin, so that caches keep them apart."""
    answer = gateway("OPTIONS", "/health", headers={"Origin": origin, **preflight})
    assert (granted(answer), answer.headers["vary"]) == ({}, "Origin")


@pytest.mark.parametrize("origin", [None, *LOCAL, *FOREIGN])
@pytest.mark.parametrize("path", ["/health", "/auth/oauth2/token", "/api/v1/users/me"])
def test_no_wildcard_and_no_credentials(gateway: Client, path: str, origin: str | None) -> None:
    """Behaviour 53: tokens travel in a header, so cookies are never let in; there is no wildcard."""
    answer = gateway("GET", path, headers={"Origin": origin} if origin is not None else {})
    found = (
        answer.headers.get("access-control-allow-origin"),
        granted(answer).get("access-control-allow-credentials"),
    )
    assert found in [(None, None), (origin, None)]
    assert found[0] != "*"


@pytest.mark.parametrize("origin", [*LOCAL, *FOREIGN, "https://app.grail.test.evil.example", LISTED.upper()])
def test_a_deployed_stage_knows_its_list_alone(deployed: Settings, origin: str) -> None:
    """Behaviour 53: localhost is a foreign page there."""
    assert cors_headers(origin, deployed) == {"Vary": "Origin"}


def test_a_deployed_stage_lets_in_what_it_lists(deployed: Settings) -> None:
    """Behaviour 53: exactly that origin is echoed."""
    assert cors_headers(LISTED, deployed)["Access-Control-Allow-Origin"] == LISTED


def test_a_stage_that_lists_nothing_lets_nobody_in(settings: Settings) -> None:
    """Behaviour 53: closed by default."""
    headers = preflight_headers(LISTED, ["GET"], replace(settings, stage="prod", cors_origins=()))
    assert headers == {"Vary": "Origin"}


def test_a_preflight_says_what_may_be_sent(gateway: Client) -> None:
    """Behaviour 53: every header that the API reads, and how long browsers may remember it."""
    answer = gateway("OPTIONS", "/api/v1/teams", headers={"Origin": LOCAL[1], **PREFLIGHT})
    allowed = set(answer.headers["access-control-allow-headers"].lower().split(", "))
    assert {"authorization", "content-type", "if-match", "if-none-match"} <= allowed
    assert int(answer.headers["access-control-max-age"]) >= 600


def test_a_page_may_send_every_header_that_the_document_has(gateway: Client) -> None:
    """Behaviour 53: a header is declared once, for the document and for preflights."""
    parameters = gateway("GET", "/api/v1/openapi.json").json["components"]["parameters"].values()
    answer = gateway("OPTIONS", "/api/v1/teams", headers={"Origin": LOCAL[1], **PREFLIGHT})
    allowed = set(answer.headers["access-control-allow-headers"].split(", "))
    assert allowed == {"Authorization", "Content-Type", *(each["name"] for each in parameters)}


def test_scripts_may_read_the_headers_that_matter(gateway: Client) -> None:
    """Behaviour 53: paging, conditional requests and refusals work from a page."""
    exposed = gateway("GET", "/health", headers={"Origin": LOCAL[0]}).headers["access-control-expose-headers"]
    needed = {"allow", "etag", "link", "location", "retry-after", "www-authenticate", "x-total-count"}
    needed.add("x-amzn-remapped-www-authenticate")
    assert needed <= set(exposed.lower().split(", "))


def test_a_preflight_without_an_origin_grants_nothing(gateway: Client) -> None:
    """Behaviour 53: only browsers send an Origin, and only to them anything is granted."""
    answer = gateway("OPTIONS", "/api/v1/teams", headers=PREFLIGHT)
    assert (answer.status, granted(answer)) == (204, {})
