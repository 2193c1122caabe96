"""Chalice's local gateway, brought closer to API Gateway.

What differs from plain `chalice local`: unknown paths and broken requests are problems, any method reaches
the application, repeated headers and the client's address are passed on, WWW-Authenticate is renamed, sizes
are bounded, requests for other hosts are refused. `/` leads to the documentation.
"""

import base64
import ipaddress
import re
import sys
import threading
import time
import traceback
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from chalice.app import Chalice, Request
from chalice.config import Config
from chalice.local import ForbiddenError as UnknownPathError
from chalice.local import LocalGateway

from chalicelib.errors import ApiError, ForbiddenError, MalformedRequestError, NotFoundError
from chalicelib.settings import Settings
from chalicelib.telemetry.measure import Value, running
from chalicelib.web.headers import REMAPPED
from chalicelib.web.request import base_url
from chalicelib.web.responses import SECURITY_HEADERS, decorate, problem_response
from tasks import mailbox
from tasks.processes import shown

# fields of the log line (docs/operations.md) that a developer looks at
SHOWN = ("problem", "round_trips", "read_units", "write_units")
PORT = re.compile(r":[0-9]*$")
# Requests that run at once; others wait here: waiting in the engine would exceed the read time-out.
CONCURRENCY = threading.BoundedSemaphore(16)


@dataclass(frozen=True)
class Answer:
    """A response ready to be sent."""

    status: int
    headers: dict[str, str | list[str]]
    body: bytes = b""


@dataclass
class Incoming:
    """A request as it was read so far.

    :param source: the address of the client.
    :param headers: in the order of their coming, with names in lower case.
    """

    source: str
    method: str = ""
    target: str = "/"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None
    identity: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.monotonic)

    def read(self, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        """Set the parts of a request's head."""
        self.started = time.monotonic()
        self.method, self.target = method.decode("ascii"), target.decode("latin-1")
        self.headers = [(name.decode("ascii"), value.decode("latin-1")) for name, value in headers]

    @cached_property
    def repeated_headers(self) -> dict[str, list[str]]:
        """All values of each header."""
        names = dict.fromkeys(name for name, _ in self.headers)
        return {name: [value for other, value in self.headers if other == name] for name in names}

    @cached_property
    def single_headers(self) -> dict[str, str]:
        """Each header once; API Gateway keeps the last of those that are repeated."""
        return dict(self.headers)

    @property
    def path(self) -> str:
        """The path without the query, which may hold secrets."""
        try:
            return urlsplit(self.target).path
        except ValueError:
            return "/"


class Gateway(LocalGateway):
    """Chalice's gateway with the parts of the event that it leaves out.

    :param address: the address that the server listens on, and `port` its port.
    """

    def __init__(self, app: Chalice, config: Config, address: str, port: int) -> None:
        super().__init__(app, config)
        self._address, self._port = address, port
        self._request = Incoming("")

    def _generate_lambda_event(
        self, method: str, path: str, headers: dict[str, Any], body: bytes | None
    ) -> dict[str, Any]:
        event: dict[str, Any] = super()._generate_lambda_event(method, path, headers, body)
        # the deployed gateway accepts no empty part of a path, such as in `/users//members`
        if not all(event["pathParameters"].values()):
            raise ValueError(path)
        event["requestContext"]["requestId"] = self._request.identity
        event["requestContext"]["identity"]["sourceIp"] = self._request.source
        event["multiValueHeaders"] = self._request.repeated_headers
        return event

    def admit(self, request: Incoming) -> None:
        """Check a request before its body is read.

        A page of another site whose name resolves to this address (DNS rebinding) is refused.

        :raises MalformedRequestError: its target is no URL, or no host is named.
        :raises ForbiddenError: it is for another host.
        """
        try:
            urlsplit(request.target)
        except ValueError as error:
            raise MalformedRequestError("The request target is not a valid URL.") from error
        if "host" not in request.single_headers:
            raise MalformedRequestError("A request needs a Host header.")
        host = PORT.sub("", request.single_headers["host"]).lower()
        if _is_loopback(self._address) and not _is_loopback(host):
            url = f"http://{shown(self._address)}:{self._port}"
            raise ForbiddenError(f"The Host header names another server: use {url}.")

    def answer(self, request: Incoming) -> Answer:
        """Return what the application answers."""
        try:
            with CONCURRENCY:
                return self._invoke(request)
        except UnknownPathError:
            return self.refuse(request, NotFoundError())
        except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer and the terminal the trace
            traceback.print_exc()
            return self.refuse(request, ApiError())

    def _invoke(self, request: Incoming) -> Answer:
        if request.path == "/" and request.method in {"GET", "HEAD"}:
            return Answer(HTTPStatus.SEE_OTHER, {**SECURITY_HEADERS, "Location": "/api/v1"})
        if request.method in {"GET", "HEAD"} and (shown_letters := mailbox.answer(request.path)):
            status, headers, body = shown_letters
            return Answer(status, {**SECURITY_HEADERS, **headers}, body)
        self._request = request
        response = self.handle_request(request.method, request.target, request.single_headers, request.body)
        content = response["body"] or ""
        decoded = base64.b64decode(content) if response.get("isBase64Encoded") else content.encode()
        found = {**response["headers"], **response["multiValueHeaders"]}
        # as API Gateway does with what a function returns
        renamed = {"www-authenticate": REMAPPED}
        headers = {renamed.get(name.lower(), name): value for name, value in found.items()}
        return Answer(response["statusCode"], headers, decoded)

    def refuse(self, request: Incoming, error: ApiError) -> Answer:
        """Return the answer for an error: a problem."""
        return render(error, request.method, request.path, request.single_headers, request.identity)

    def log(self, request: Incoming, status: int) -> None:
        """Print a line about a request that was answered."""
        milliseconds = (time.monotonic() - request.started) * 1000
        line = f"{request.method} {request.path} {status} {milliseconds:.0f} ms{measured(request.identity)}"
        print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)


def _is_loopback(host: str) -> bool:
    """Whether a host is an address of this machine, or localhost, which cannot be rebound."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return host == "localhost"


def measured(request_id: str) -> str:
    """Return fields of the log line of a deployed stage; none if the application was not reached."""
    measurement = running()
    fields: dict[str, Value] = measurement.fields if measurement else {}
    if fields.get("request_id") != request_id:
        return ""
    return "".join(f" {name}={fields[name]}" for name in SHOWN if fields.get(name))


def render(error: ApiError, method: str, path: str, headers: dict[str, str], request_id: str) -> Answer:
    """Write an error as the application would have, had the request reached it."""
    settings = Settings.from_env()
    context = {"httpMethod": method, "resourcePath": path, "path": path, "requestId": request_id}
    request = Request(_event(headers, context))
    base = base_url(context, settings)
    response = problem_response(error, base=base, instance=path, request=request_id)
    decorate(response, request, settings)
    return Answer(response.status_code, dict(response.headers), str(response.body).encode())


def _event(headers: dict[str, str], context: dict[str, str]) -> dict[str, object]:
    return {
        "headers": headers,
        "requestContext": context,
        "body": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "stageVariables": {},
    }
