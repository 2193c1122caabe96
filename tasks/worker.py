"""The process of `make run` that serves: app.py, or a 503 that says why it cannot be imported.

`python -m tasks.worker LISTENER REPORT` takes two file descriptors: a socket that listens, and a pipe for one
line, written when requests are answered: what is broken, or nothing. Only the standard library is imported
before the application is, since every other module may be the one that is being edited.
"""

import json
import os
import re
import socket
import sys
import traceback
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tasks.lifeline import end_with_parent

PROJECT = Path(__file__).resolve().parent.parent
MAX_BODY = 1024 * 1024
OURS = ("app.py", "chalicelib", "tasks")
OWN_HOST = re.compile(r"(127(\.[0-9]+){3}|localhost|\[::1\])(:[0-9]+)?", re.IGNORECASE)


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
    """Answers every request with what is broken."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, reason: str) -> None:
        self._reason = reason
        super().__init__(*arguments)

    def __getattr__(self, name: str) -> Any:
        """Handle every method alike."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _detail(self) -> str:
        # Reveal nothing about the code to a page whose name was rebound to this address.
        return self._reason if OWN_HOST.fullmatch(self.headers.get("Host", "")) else "See the terminal."

    def _answer(self) -> None:
        problem = {"title": "The code cannot be imported", "status": 503, "detail": self._detail()}
        body = json.dumps(problem).encode()
        self.close_connection = True
        length = self.headers.get("Content-Length", "")
        if length.isdecimal():
            self.rfile.read(min(int(length), MAX_BODY))  # a client that still sends would see no answer
        self.send_response(503)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "1")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay silent: what is broken has been told."""


def describe(error: BaseException) -> str:
    """Return where an exception was raised, and its message, in one line."""
    found = syntax_error(error) or error
    if isinstance(found, SyntaxError):
        place, message = (found.filename or "", found.lineno), found.msg
    else:
        frames = [frame for frame in traceback.extract_tb(found.__traceback__) if is_ours(frame.filename)]
        place, message = (frames[-1].filename, frames[-1].lineno) if frames else ("", None), str(found)
    text = " ".join([f"{type(found).__name__}:", *message.split()])
    return f"{os.path.relpath(place[0], PROJECT)}, line {place[1]}: {text}" if place[0] else text


def syntax_error(error: BaseException | None) -> SyntaxError | None:
    """Return the syntax error that another exception was made of, as Chalice does."""
    while error:
        if isinstance(error, SyntaxError):
            return error
        error = error.__cause__ or error.__context__
    return None


def is_ours(path: str) -> bool:
    """Whether a file belongs to the project, and not to a library below it."""
    file = Path(path)
    return file.is_relative_to(PROJECT) and file.relative_to(PROJECT).parts[0] in OURS


def main(listener: socket.socket, report: int) -> None:
    """Serve until SIGTERM."""
    end_with_parent()
    try:
        from tasks.server import make_worker  # noqa: PLC0415 - see above

        server, reason = make_worker(PROJECT, listener), ""
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, its author is told
        reason = describe(error)
        server = Server(listener, partial(Excuse, reason=reason))
    with os.fdopen(report, "w", encoding="utf-8", errors="backslashreplace") as pipe:
        print(reason, file=pipe)
    server.serve_forever()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
