"""Chalice's local request handler, brought closer to API Gateway.

What differs from plain `chalice local`: unknown paths and broken requests are problems, any method reaches
the application, repeated headers and the client's address are passed on, HEAD and 204 have no body, sizes are
bounded, requests for other hosts are refused. `/` leads to the documentation.
"""

import base64
import ipaddress
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import ChaliceRequestHandler, LocalGateway
from chalice.local import ForbiddenError as UnknownPathError

from chalicelib.errors import ApiError, ForbiddenError, MalformedRequestError, NotFoundError
from chalicelib.telemetry.measure import Value, running
from chalicelib.web.problem import SECURITY_HEADERS
from tasks import framing
from tasks.problems import Answer, render
from tasks.processes import shown

# fields of the log line (docs/operations.md) that a developer looks at
SHOWN = ("problem", "round_trips", "read_units", "write_units")
BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
# Requests that run at once; others wait here. In the engine, their waits would pass DynamoDB's read time-out.
CONCURRENCY = threading.BoundedSemaphore(16)


class Gateway(LocalGateway):
    """Chalice's gateway with the parts of the event that it leaves out."""

    def __init__(self, app: Chalice, config: Config, source_ip: str) -> None:
        super().__init__(app, config)
        self.source_ip = source_ip
        self.request_id = ""
        self.repeated: dict[str, list[str]] = {}

    def _generate_lambda_event(
        self, method: str, path: str, headers: dict[str, Any], body: bytes | None
    ) -> dict[str, Any]:
        event: dict[str, Any] = super()._generate_lambda_event(method, path, headers, body)
        # no part of a path is empty for the deployed gateway: it knows no `/users//members`
        if not all(event["pathParameters"].values()):
            raise ValueError(path)
        event["requestContext"]["requestId"] = self.request_id
        event["requestContext"]["identity"]["sourceIp"] = self.source_ip
        event["multiValueHeaders"] = self.repeated
        return event


def _is_loopback(host: str) -> bool:
    """Whether a host is an address of this machine, or its name, which nobody can rebind."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return host == "localhost"


class GatewayHandler(ChaliceRequestHandler, BaseHTTPRequestHandler):
    """Reads one request after the other from a connection and answers it."""

    # one write for headers and body, sent at once: two would wait for each other's acknowledgement
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    timeout = 75
    headers: Message
    server: HTTPServer
    local_gateway: Gateway

    def __init__(
        self, request: Any, client_address: tuple[str, int], server: Any, app_object: Chalice, config: Config
    ) -> None:
        self.local_gateway = Gateway(app_object, config, client_address[0])
        # not Chalice's own __init__, which would replace the gateway
        BaseHTTPRequestHandler.__init__(self, request, client_address, server)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Handle every method alike: the application says which of them it has."""
        if name.startswith("do_"):
            return self._generic_handle
        raise AttributeError(name)

    def _generic_handle(self) -> None:
        started = time.monotonic()
        self.local_gateway.request_id = str(uuid.uuid4())
        answer = self._answer()
        self._send(answer)
        milliseconds = (time.monotonic() - started) * 1000
        taken = f"{milliseconds:.0f} ms{measured(self.local_gateway.request_id)}"
        self.log_message("%s %s %d %s", self.command, self._path(), answer.status, taken)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = _generic_handle  # noqa: N815 - inherited

    def _answer(self) -> Answer:
        try:
            self._require_target()
            self._require_own_host()
            body = framing.read_body(self.rfile, self.headers)
        except ApiError as error:
            self.close_connection = True
            return self._render(error)
        try:
            with CONCURRENCY:
                return self._invoke(body)
        except UnknownPathError:
            return self._render(NotFoundError())
        except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer and the terminal the trace
            traceback.print_exc()
            return self._render(ApiError())

    def _require_own_host(self) -> None:
        """Refuse a page of another site whose name was rebound to this address (DNS rebinding)."""
        address, port = self.server.socket.getsockname()[:2]
        if ipaddress.ip_address(address).is_loopback and not _is_loopback(framing.host(self.headers)):
            raise ForbiddenError(f"The Host header names another server: use http://{shown(address)}:{port}.")

    def _require_target(self) -> None:
        try:
            urlsplit(self.path)
        except ValueError as error:
            raise MalformedRequestError("The address of the request is no URL.") from error

    def _invoke(self, body: bytes | None) -> Answer:
        if self._path() == "/" and self.command in {"GET", "HEAD"}:
            return Answer(HTTPStatus.SEE_OTHER, {**SECURITY_HEADERS, "Location": "/api/v1"})
        self.local_gateway.repeated = {name.lower(): self.headers.get_all(name, []) for name in self.headers}
        response = self.local_gateway.handle_request(self.command, self.path, self._single_headers(), body)
        content = response["body"] or ""
        decoded = base64.b64decode(content) if response.get("isBase64Encoded") else content.encode()
        return Answer(
            response["statusCode"], {**response["headers"], **response["multiValueHeaders"]}, decoded
        )

    def _single_headers(self) -> dict[str, str]:
        """Give each header once; API Gateway keeps the last of those that are repeated."""
        return {name.lower(): value for name, value in getattr(self, "headers", Message()).items()}

    def _render(self, error: ApiError) -> Answer:
        request_id = self.local_gateway.request_id or str(uuid.uuid4())
        return render(error, self.command or "", self._path(), self._single_headers(), request_id)

    def _path(self) -> str:
        """Give the path without the query: that may hold what does not belong into a log."""
        try:
            return urlsplit(getattr(self, "path", "/")).path
        except ValueError:
            return "/"

    def _send(self, answer: Answer) -> None:
        headers = dict(answer.headers)
        if self.close_connection:
            headers["Connection"] = "close"
        self.send_response(answer.status)
        # the application's answer to HEAD has no body to be measured: no length is better than a wrong one
        if answer.status not in BODILESS and (answer.body or self.command != "HEAD"):
            headers["Content-Length"] = str(len(answer.body))
        self._send_headers(headers)
        if self.command != "HEAD" and answer.status not in BODILESS:
            self.wfile.write(answer.body)

    def handle_expect_100(self) -> bool:
        """Tell a client that asks first whether it may send its body."""
        try:
            self._require_own_host()
            framing.require_small(framing.body_length(self.headers) or 0)
        except ApiError as error:
            self.close_connection = True
            self._send(self._render(error))
            self.wfile.flush()
            return False
        proceed: bool = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server itself refuses, such as a malformed request line."""
        self.close_connection = True
        self.command = getattr(self, "command", None) or ""
        # a request line that was not understood counts as HTTP/0.9, whose answers have no status line
        self.request_version = self.protocol_version
        detail = explain or message or None
        self._send(
            self._render(
                ApiError() if code == HTTPStatus.INTERNAL_SERVER_ERROR else MalformedRequestError(detail)
            )
        )

    def version_string(self) -> str:
        """Name the server without its versions."""
        return "grail"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent: a request is logged once, when it is answered."""


def measured(request_id: str) -> str:
    """Tell what the log line of a deployed stage would; nothing of a request that never got that far."""
    measurement = running()
    fields: dict[str, Value] = measurement.fields if measurement else {}
    if fields.get("request_id") != request_id:
        return ""
    return "".join(f" {name}={fields[name]}" for name in SHOWN if fields.get(name))
