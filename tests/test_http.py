"""The client of the API tests: what it puts on the wire."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.http import Client, OverHttp


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that answers with the path that it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.path.encode())

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("prefix", ["", "/", "/dev", "/_aws/execute-api/abc/dev/"])
@pytest.mark.parametrize(
    ("path", "sent"), [("/api/v1", "/api/v1"), ("/a b/é%2F..?x=1&y=%0d", "/a%20b/%C3%A9%2F..?x=1&y=%0d")]
)
def test_paths_are_sent_as_they_are_below_the_stage(echo: str, prefix: str, path: str, sent: str) -> None:
    """A deployed stage has a prefix; what a URL cannot hold is percent-encoded, and nothing else changes."""
    answer = Client(OverHttp(echo + prefix))("GET", path)
    assert answer.body.decode() == prefix.rstrip("/") + sent
