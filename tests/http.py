"""A client for tests: through Chalice's own event path in this process, or over real HTTP."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol
from urllib.parse import urlencode

import requests
from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LambdaContext, LocalGateway

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
SOURCE = "203.0.113.7"


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


class Transport(Protocol):
    """Sends one request."""

    def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, source: str
    ) -> Answer: ...


class InProcess:
    """Calls the application with the event that API Gateway would make.

    :cvar check: looks at every answer; conftest holds them to the OpenAPI document.
    """

    check: ClassVar[Callable[[str, str, "Answer"], None] | None] = None

    def __init__(self, app: Chalice) -> None:
        self.app = app
        self.gateway = LocalGateway(app, Config())

    def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, source: str
    ) -> Answer:
        event = self.gateway.event_converter.create_lambda_event(method, path, headers, body)
        event["requestContext"]["identity"]["sourceIp"] = source
        answer = self.app(event, LambdaContext("grail", 128))
        found = {**answer["headers"], **{k: ", ".join(v) for k, v in answer["multiValueHeaders"].items()}}
        raw = answer["body"]
        decoded = base64.b64decode(raw) if answer.get("isBase64Encoded") else str(raw).encode()
        result = Answer(answer["statusCode"], {k.lower(): str(v) for k, v in found.items()}, decoded)
        if InProcess.check:
            InProcess.check(method, path, result)
        return result


class OverHttp:
    """Talks to a server."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.session = requests.Session()

    def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, source: str
    ) -> Answer:
        got = self.session.request(
            method, self.base_url + path, headers=headers, data=body, timeout=30, allow_redirects=False
        )
        return Answer(got.status_code, {k.lower(): v for k, v in got.headers.items()}, got.content)


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
