"""A client for tests: through Chalice's own event path in this process, or over real HTTP."""

import base64
import http.client
import json
import string
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from urllib.parse import quote, urlencode, urlsplit

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LambdaContext, LocalGateway

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
SOURCE = "203.0.113.7"
LOOPBACK = "127.0.0.1"
# API Gateway renames WWW-Authenticate, and so do the local ones; tests call it by its own name.
REMAPPED = "x-amzn-remapped-"


@dataclass(frozen=True)
class Answer:
    """A response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


Check = Callable[[str, str, Answer], None]


class Transport(Protocol):
    """Sends one request."""

    def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, source: str
    ) -> Answer: ...

    def seen_as(self, source: str) -> str:
        """Return the address that the application sees of a source."""
        ...


class InProcess:
    """Calls the application with the event that API Gateway would make.

    :cvar check: looks at every answer; tests/target.py holds them to the OpenAPI document.
    """

    check: ClassVar[Check | None] = None

    def __init__(self, app: Chalice) -> None:
        self.app = app
        self.gateway = LocalGateway(app, Config())

    def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, source: str
    ) -> Answer:
        event = self.gateway.event_converter.create_lambda_event(method, path, headers, body)
        event["requestContext"]["identity"]["sourceIp"] = source
        answer = self.call(event)
        found = {**answer["headers"], **{k: ", ".join(v) for k, v in answer["multiValueHeaders"].items()}}
        raw = answer["body"]
        decoded = base64.b64decode(raw) if answer.get("isBase64Encoded") else str(raw).encode()
        result = Answer(answer["statusCode"], {k.lower(): str(v) for k, v in found.items()}, decoded)
        if InProcess.check:
            InProcess.check(method, path, result)
        return result

    def call(self, event: dict[str, Any]) -> Any:
        """Call the function."""
        return self.app(event, LambdaContext("grail", 128))

    def seen_as(self, source: str) -> str:
        """Nothing stands in between."""
        return source


class OverHttp:
    """Talks to a server, each time over a connection of its own, so that threads share nothing.

    :param base_url: http, host, port, and a stage's prefix where there is one.
    :param check: looks at every answer.
    """

    def __init__(self, base_url: str, check: Check | None = None) -> None:
        parts = urlsplit(base_url)
        self.netloc, self.prefix, self.check = parts.netloc, parts.path.rstrip("/"), check
        self.is_loopback = (parts.hostname or "").startswith("127.") and sys.platform == "linux"

    def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, source: str
    ) -> Answer:
        wire = http.client.HTTPConnection(self.netloc, timeout=60, source_address=self._address(source))
        try:
            # what a URL cannot hold goes percent-encoded, as every client sends it
            wire.request(method, self.prefix + quote(path, safe=string.punctuation), body, headers)
            got = wire.getresponse()
            found = {name.lower().removeprefix(REMAPPED): value for name, value in got.getheaders()}
            answer = Answer(got.status, found, got.read())
        finally:
            wire.close()
        if self.check:
            self.check(method, path, answer)
        return answer

    def seen_as(self, source: str) -> str:
        """Return a loopback address for each source: on Linux, all of 127.0.0.0/8 is loopback."""
        return "127." + source.split(".", 1)[1] if self.is_loopback else LOOPBACK

    def _address(self, source: str) -> tuple[str, int] | None:
        return (self.seen_as(source), 0) if self.is_loopback else None


class Client:
    """What tests call: bodies, tokens and client credentials in one line."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def __call__(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        basic: tuple[str, str] | None = None,
        data: Any = None,
        form: Any = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        source: str = SOURCE,
    ) -> Answer:
        """Send a request.

        :param data: sent as JSON.
        :param form: a mapping or pairs, sent as a form.
        :param raw: sent as it is; give its Content-Type in headers.
        """
        sent: dict[str, str] = {}
        body = raw
        if data is not None:
            body, sent["Content-Type"] = json.dumps(data).encode(), JSON
        if form is not None:
            body, sent["Content-Type"] = urlencode(form).encode(), FORM
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if basic is not None:
            sent["Authorization"] = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
        return self.transport.send(method, path, sent | (headers or {}), body, source)
