"""A token endpoint that goes wrong, and remembers what it was asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

from tasks.processes import LOOPBACK

TOKENS = {"access_token": "an access token", "expires_in": 3600, "refresh_token": "a refresh token"}


class Faulty(BaseHTTPRequestHandler):
    """Gives tokens, leads the user named redirect elsewhere, and leaves refreshes without an answer."""

    def do_POST(self) -> None:
        """Take a request."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(parse_qsl(body))
        asked: list[Any] = self.server.asked  # type: ignore[attr-defined]  # set below
        asked.append((self.path, form["grant_type"]))
        if form["grant_type"] == "refresh_token":
            return
        self.send_response(307 if form["username"] == "redirect" else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(TOKENS).encode())

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""


@contextmanager
def faulty_server() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Serve; yields the URL, and the paths and grant types that are asked for."""
    server = ThreadingHTTPServer((LOOPBACK, 0), Faulty)
    asked: list[tuple[str, str]] = []
    server.asked = asked  # type: ignore[attr-defined]  # for the handler
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://{LOOPBACK}:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()
