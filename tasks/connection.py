"""HTTP on one connection, by h11: reads one request after the other, and sends what the gateway answers."""

import ipaddress
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from socketserver import BaseRequestHandler
from typing import Any
from urllib.parse import urlsplit

import h11

from chalicelib.errors import ApiError, ForbiddenError, MalformedRequestError, PayloadTooLargeError
from tasks.gateway import Answer, Gateway, Incoming, log, refuse
from tasks.processes import shown

BODY_LIMIT = 6 * 1024 * 1024  # of an invocation (AWS quota); the application has its own, lower limit
DRAIN_LIMIT = 4 * BODY_LIMIT  # is read before the answer: a client that is still sending would not see it
IDLE_SECONDS = 75
VERSIONS = (b"1.0", b"1.1")
PORT = re.compile(r":[0-9]*$")
BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Connection(BaseRequestHandler):
    """A connection to a client, for `socketserver`.

    :param make_gateway: makes the gateway of a connection.
    """

    request: socket.socket

    def __init__(self, *arguments: Any, make_gateway: Callable[[], Gateway]) -> None:
        self._gateway = make_gateway()
        self._http = h11.Connection(h11.SERVER)
        super().__init__(*arguments)

    def handle(self) -> None:
        """Answer requests until the client, or an error, ends the connection."""
        self.request.settimeout(IDLE_SECONDS)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(TimeoutError):
            while self._serve():
                self._http.start_next_cycle()

    def _serve(self) -> bool:
        """Answer the next request, and return whether another one may follow."""
        request = Incoming(self.client_address[0])
        refusal: ApiError | None = None
        try:
            head = self._event()
            if not isinstance(head, h11.Request):
                return False
            request.started = time.monotonic()
            request.method, request.target = head.method.decode(), head.target.decode("latin-1")
            request.headers = [
                (name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers
            ]
            _check_framing(head)
            _check_host(request, *self.request.getsockname()[:2])
            request.body = self._body(request)
        except h11.RemoteProtocolError as error:
            refusal = MalformedRequestError(f"The request is malformed: {error}.")
        except ApiError as error:
            refusal = error
        answer = refuse(request, refusal) if refusal else self._gateway.answer(request)
        log(request, answer.status)  # before the answer: who has it finds the line
        self._send(answer, request.method, close=refusal is not None)
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(self.request.recv(64 * 1024))
        return event

    def _body(self, request: Incoming) -> bytes | None:
        """Read the body, or return None where there is none.

        :raises PayloadTooLargeError: it is longer than the gateway takes.
        """
        if self._http.they_are_waiting_for_100_continue:
            if int(request.single_headers.get("content-length", 0)) > BODY_LIMIT:
                raise PayloadTooLargeError
            self._write(h11.InformationalResponse(status_code=HTTPStatus.CONTINUE, headers=[]))
        body, length = bytearray(), 0
        while isinstance(event := self._event(), h11.Data):
            length += len(event.data)
            if length > DRAIN_LIMIT:
                break
            if length <= BODY_LIMIT:
                body += event.data
        if length > BODY_LIMIT:
            raise PayloadTooLargeError
        return bytes(body) or None

    def _send(self, answer: Answer, method: str, *, close: bool) -> None:
        headers = [("Date", formatdate(usegmt=True))]
        for name, value in answer.headers.items():
            headers += [(name, each) for each in ([value] if isinstance(value, str) else value)]
        has_body = method != "HEAD" and answer.status not in BODILESS
        # the application's answer to HEAD has no body to be measured: no length is better than a wrong one
        if answer.body or has_body:
            headers.append(("Content-Length", str(len(answer.body))))
        if close:
            headers.append(("Connection", "close"))
        reason = HTTPStatus(answer.status).phrase
        head = h11.Response(status_code=answer.status, headers=headers, reason=reason)
        self._write(
            head, *([h11.Data(data=answer.body)] if has_body and answer.body else []), h11.EndOfMessage()
        )

    def _write(self, *events: h11.Event) -> None:
        # at once: two writes would wait for each other's acknowledgement
        self.request.sendall(b"".join(self._http.send(event) or b"" for event in events))


def _check_framing(head: h11.Request) -> None:
    """Refuse what two readers could take in different ways (RFC 9112 §6.3)."""
    names = [name for name, _ in head.headers]
    if b"transfer-encoding" in names and b"content-length" in names:
        raise MalformedRequestError("Send either Content-Length or Transfer-Encoding.")
    if head.http_version not in VERSIONS:
        raise MalformedRequestError("Send HTTP/1.1.")


def _check_host(request: Incoming, address: str, port: int) -> None:
    """Refuse a request for another host, such as from a page whose name was rebound to this address.

    :param address: the one that the request was sent to.
    """
    try:
        urlsplit(request.target)
    except ValueError as error:
        raise MalformedRequestError("The request target is not a valid URL.") from error
    if "host" not in request.single_headers:
        raise MalformedRequestError("A request needs a Host header.")
    host = PORT.sub("", request.single_headers["host"]).lower()
    if _is_loopback(address) and not _is_loopback(host):
        raise ForbiddenError(f"The Host header names another server: use http://{shown(address)}:{port}.")


def _is_loopback(host: str) -> bool:
    """Whether a host is an address of this machine, or localhost, which cannot be rebound."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return host == "localhost"
