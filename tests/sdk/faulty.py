"""A server that goes wrong, and remembers what it was asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

from tasks.processes import LOOPBACK

TEAMS = "/api/v1/teams"
MOMENT = "2026-01-31T12:00:00Z"
TEAM = {"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "members": [], "created": MOMENT, "updated": MOMENT}
TOKENS = {"access_token": "an access token", "expires_in": 3600, "refresh_token": "a refresh token"}


class Faulty(BaseHTTPRequestHandler):
    """Gives tokens, leads the user named redirect elsewhere, and leaves refreshes without an answer.

    Of requests for a team the first one gets no answer, the second one a 503, and the fourth one half of its
    answer; none for a silent team gets any.
    """

    def do_POST(self) -> None:
        """Take a request."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked: list[Any] = self.server.asked  # type: ignore[attr-defined]  # set below
        if self.path == TEAMS:
            asked.append((self.path, self.headers["Idempotency-Key"]))
            self._team(json.loads(body)["title"], len(asked))
            return
        form = dict(parse_qsl(body))
        asked.append((self.path, form["grant_type"]))
        if form["grant_type"] == "refresh_token":
            return
        self.send_response(307 if form["username"] == "redirect" else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(TOKENS).encode())

    def _team(self, title: str, number: int) -> None:
        if title == "Silence" or number == 1:
            return  # and the connection is closed
        body = json.dumps({**TEAM, "title": title}).encode()
        self.send_response(503 if number == 2 else 201)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:9] if number == 4 else body)

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
