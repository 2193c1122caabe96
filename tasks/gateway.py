"""Chalice's local gateway, brought closer to API Gateway.

What differs from plain `chalice local`: unknown paths and broken requests are problems, any method reaches
the application, repeated headers and the client's address are passed on, WWW-Authenticate is renamed.
`/` leads to the documentation. Sizes and framing are checked in tasks/connection.py.
"""

import base64
import sys
import threading
import time
import traceback
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from chalice.app import Chalice, Request
from chalice.config import Config
from chalice.local import ForbiddenError as UnknownPathError
from chalice.local import LocalGateway

from chalicelib.errors import ApiError, NotFoundError
from chalicelib.settings import Settings
from chalicelib.telemetry.measure import Value, running
from chalicelib.web.call import base_url
from chalicelib.web.headers import REMAPPED
from chalicelib.web.responses import SECURITY_HEADERS, decorate, problem_response
from tasks import mailbox

# fields of the log line (docs/operations.md) that a developer looks at
SHOWN = ("problem", "round_trips", "read_units", "write_units")
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

    @property
    def repeated_headers(self) -> dict[str, list[str]]:
        """All values of each header."""
        found: dict[str, list[str]] = {}
        for name, value in self.headers:
            found.setdefault(name, []).append(value)
        return found

    @property
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
    """Chalice's gateway with the parts of the event that it leaves out; each connection has its own."""

    def __init__(self, app: Chalice, config: Config) -> None:
        super().__init__(app, config)
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

    def answer(self, request: Incoming) -> Answer:
        """Return what the application answers."""
        try:
            with CONCURRENCY:
                return self._invoke(request)
        except UnknownPathError:
            return refuse(request, NotFoundError())
        except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer and the terminal the trace
            traceback.print_exc()
            return refuse(request, ApiError())

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


def refuse(request: Incoming, error: ApiError) -> Answer:
    """Write an error as the application would have, had the request reached it."""
    settings = Settings.from_env()
    context = {
        "httpMethod": request.method,
        "resourcePath": request.path,
        "path": request.path,
        "requestId": request.identity,
    }
    event = {
        "headers": request.single_headers,
        "requestContext": context,
        "body": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "stageVariables": {},
    }
    base = base_url(context, settings)
    response = problem_response(error, base=base, instance=request.path, request=request.identity)
    decorate(response, Request(event), settings)
    return Answer(response.status_code, dict(response.headers), str(response.body).encode())


def log(request: Incoming, status: int) -> None:
    """Print a line about a request that was answered, with fields of the log line of a deployed stage."""
    milliseconds = (time.monotonic() - request.started) * 1000
    measurement = running()
    fields: dict[str, Value] = measurement.fields if measurement else {}
    # those of the request before, if the application was not reached
    is_own = fields.get("request_id") == request.identity
    more = "".join(f" {name}={fields[name]}" for name in SHOWN if is_own and fields.get(name))
    line = f"{request.method} {request.path} {status} {milliseconds:.0f} ms{more}"
    print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)
