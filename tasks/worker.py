"""The process of `make run` that serves: app.py, or a 503 while it cannot be imported.

`python -m tasks.worker LISTENER REPORT` takes two file descriptors: a socket that listens, and a pipe for one
word, written when requests are answered: SERVES or BROKEN. Only the standard library is imported before the
application is, since every other module may be the one that is being edited.
"""

import json
import os
import socket
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tasks.processes import end_with_parent

PROJECT = Path(__file__).resolve().parent.parent
MAX_BODY = 1024 * 1024
SERVES, BROKEN = "serves", "broken"
HEADERS = {"Content-Type": "application/problem+json", "Retry-After": "1", "Connection": "close"}
PROBLEM = {"title": "The code cannot be imported", "status": 503, "detail": "See the terminal."}


class Server(ThreadingHTTPServer):
    """A threading server on a socket that listens already.

    The socket outlives the server: a request that comes while a worker is replaced waits for the next one.
    """

    def __init__(self, listener: socket.socket, handler: Any) -> None:
        address = listener.getsockname()
        super().__init__(address, handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_address = address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong, except that a client went away."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Excuse(BaseHTTPRequestHandler):
    """Answers every request with a 503, without the reason: a page with a rebound name could read it."""

    protocol_version = "HTTP/1.1"

    def __getattr__(self, name: str) -> Any:
        """Handle every method alike."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        body = json.dumps(PROBLEM).encode()
        self.close_connection = True
        length = self.headers.get("Content-Length", "")
        if length.isdecimal():
            self.rfile.read(min(int(length), MAX_BODY))  # a client that still sends would see no answer
        self.send_response(503)
        for name, value in {**HEADERS, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay silent: what is broken has been told."""


def main(listener: socket.socket, report: int) -> None:
    """Serve until SIGTERM."""
    end_with_parent()
    try:
        from tasks.server import make_worker  # noqa: PLC0415 - see above

        server, state = make_worker(PROJECT, listener), SERVES
    except (Exception, SystemExit):  # noqa: BLE001 - whatever it is, its author is told
        traceback.print_exc()
        server, state = Server(listener, Excuse), BROKEN
    with os.fdopen(report, "w", encoding="utf-8") as pipe:
        print(state, file=pipe)
    server.serve_forever()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
