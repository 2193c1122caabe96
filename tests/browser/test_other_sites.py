"""What another site that a developer visits can do to the engine and the server of `make run`: nothing."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import REBOUND
from tests.e2e.stack import Stack

FETCH = """async ([url, options]) => {
  try {
    const answer = await fetch(url, options);
    return answer.type === "opaque" ? "opaque" : `${answer.status} ${await answer.text()}`;
  } catch (error) {
    return "refused";
  }
}"""
QUERY = {
    "method": "POST",
    "headers": {"X-Amz-Target": "DynamoDB_20120810.Scan", "Content-Type": "application/x-amz-json-1.0"},
    "body": '{"TableName": "grail-local"}',
}
PLAIN = {"method": "POST", "headers": {"Content-Type": "text/plain"}, "body": "{}"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Another site."""
    (tmp_path / "index.html").write_text("<!doctype html><title>Evil</title>")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def fetched(browser: Any, page: str, url: str, options: dict[str, Any]) -> str:
    """Open a page, and return what it gets from a URL."""
    # A rebound page would come from its own server, before its name is rebound, and with no policy of ours.
    opened = browser.new_page(bypass_csp=True)
    try:
        opened.goto(page)
        result: str = opened.evaluate(FETCH, [url, options])
        return result
    finally:
        opened.close()


def keyed(stack: Stack) -> str:
    """The secret path that DynamoDB is served at, as if the page knew it."""
    return urlsplit(stack.endpoint).path


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("", QUERY),
        ("", {"method": "GET"}),
        ("", {**PLAIN, "mode": "no-cors"}),
        ("/_ministack/reset", PLAIN),
        ("/_ministack/reset", {**PLAIN, "mode": "no-cors"}),
        ("/_ministack/health", {"method": "GET"}),
    ],
    ids=str,
)
def test_a_page_of_another_site_reads_and_deletes_nothing(
    path: str, options: dict[str, Any], browser: Any, stack: Stack, site: str
) -> None:
    """The page gets no answer that it can read, and the data are there afterwards."""
    engine = f"http://127.0.0.1:{stack.engine_port}"
    assert fetched(browser, site, engine + (path or keyed(stack)), options) in {"refused", "opaque"}
    assert stack.token("root", "q").status == 200


@pytest.mark.parametrize(
    ("path", "options"), [("", QUERY), ("/_ministack/reset", PLAIN), ("/_ministack/health", {})], ids=str
)
def test_a_site_rebound_to_the_engine_reads_and_deletes_nothing(
    path: str, options: dict[str, Any], browser: Any, stack: Stack
) -> None:
    """With DNS rebinding a page has the same origin as the engine; the Host header reveals it."""
    engine = f"http://{REBOUND}:{stack.engine_port}"
    url = engine + (path or keyed(stack))
    assert fetched(browser, f"{engine}/page", url, options).startswith("403 The local engine")
    assert stack.token("root", "q").status == 200


def test_a_site_rebound_to_the_server_reads_nothing(browser: Any, stack: Stack) -> None:
    """Pages from elsewhere cannot sign in with the development passwords."""
    server = f"http://{REBOUND}:{stack.port}"
    form = "grant_type=password&client_id=documentation&username=root&password=q"
    options = {
        "method": "POST",
        "body": form,
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    }
    assert fetched(browser, f"{server}/page", f"{server}/auth/oauth2/token", options).startswith("403 ")
