"""Captchas against a stand-in for Google's siteverify, over real HTTP on loopback."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest

import app as application
from chalicelib.users import captcha
from tests.faults import Sent, altered, wire
from tests.http import Client
from tests.support import dump_table

FORM = {"username": "ada", "email": "ada@test.example", "password": "analytical engine"}
SOLVED = b'{"success": true}'


@dataclass
class Google:
    """What the stand-in answers, and what it was asked."""

    status: int = 200
    body: bytes = SOLVED
    asked: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """A siteverify on loopback, and a stage that is configured with it."""
    stand_in = Google()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            stand_in.asked.append(dict(parse_qsl(body)))
            self.send_response(stand_in.status)
            self.end_headers()
            self.wfile.write(stand_in.body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(captcha, "SITEVERIFY", f"http://127.0.0.1:{server.server_port}/siteverify")
    configure(monkeypatch, "site-key")
    yield stand_in
    server.shutdown()
    thread.join()
    server.server_close()


def configure(monkeypatch: pytest.MonkeyPatch, site_key: str | None, stage: str = "test") -> None:
    """Configure Google's captcha in the running application, or remove it."""
    api = application.api
    secret = "site-secret" if site_key else None
    monkeypatch.setattr(api, "settings", replace(api.settings, recaptcha_site_key=site_key, stage=stage))
    copy = api.keystore._copy
    keyring = replace(copy.keyring, recaptcha_secret=secret)
    monkeypatch.setattr(api.keystore, "_copy", replace(copy, keyring=keyring))


def sign_up(api: Client, key: str = "solved") -> int:
    """Sign up and return the status."""
    return api("POST", "/api/v1/users", data={**FORM, "recaptcha_key": key}).status


def test_google_is_asked_with_secret_and_answer(api: Client, google: Google) -> None:
    """A captcha that Google accepts allows a sign-up."""
    assert sign_up(api, "sölved&secret=x") == 201
    assert google.asked == [{"secret": "site-secret", "response": "sölved&secret=x"}]


@pytest.mark.parametrize("body", [b'{"success": false}', b'{"success": "true"}', b'{"success": 1}', b"{}"])
def test_what_google_refuses_is_403(api: Client, google: Google, body: bytes) -> None:
    """A wrong captcha is 403, and only a true `success` is right."""
    google.body = body
    assert sign_up(api) == 403


def test_a_captcha_that_the_same_request_has_used_is_no_refusal(api: Client, google: Google) -> None:
    """Behaviour 64: Google accepts an answer once; the first request may take effect while this one reads."""

    def overlook(_: Sent, answer: dict[str, Any]) -> None:
        for items in answer["Responses"].values():
            items[:] = [item for item in items if item["kind"]["S"] != "kept_answer"]

    data, headers = {**FORM, "recaptcha_key": "solved"}, {"Idempotency-Key": "one"}
    first = api("POST", "/api/v1/users", data=data, headers=headers)
    google.body = b'{"success": false}'
    with wire(altered(1, "BatchGetItem", overlook)):
        again = api("POST", "/api/v1/users", data=data, headers=headers)
    assert (again.status, again.body) == (first.status, first.body)
    assert len(google.asked) == 2


@pytest.mark.parametrize("key", ["secret_key", "wrong"])
def test_the_development_key_is_void_where_google_decides(api: Client, google: Google, key: str) -> None:
    """With siteverify configured nothing else counts."""
    google.body = b'{"success": false}'
    assert sign_up(api, key) == 403


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b"\xff", json.dumps("success").encode()])
def test_nonsense_from_google_signs_nobody_up(api: Client, google: Google, body: bytes) -> None:
    """Behaviour 57: the captcha never fails open."""
    google.body, before = body, dump_table()
    assert (sign_up(api), dump_table()) == (503, before)


def test_a_fault_of_google_signs_nobody_up(api: Client, google: Google) -> None:
    """Behaviour 57: a 5xx of siteverify is not a verdict."""
    google.status, google.body = 500, b"oops"
    assert sign_up(api) == 503


def test_an_absent_google_signs_nobody_up(
    api: Client, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behaviour 57: a refused connection is 503 with Retry-After."""
    monkeypatch.setattr(captcha, "SITEVERIFY", "http://127.0.0.1:1/siteverify")
    answer = api("POST", "/api/v1/users", data={**FORM, "recaptcha_key": "solved"})
    assert (answer.status, "retry-after" in answer.headers) == (503, True)


@pytest.mark.parametrize("key", ["secret_key", "", "solved"])
def test_a_deployed_stage_without_captcha_signs_nobody_up(
    api: Client, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """The development key works on local stages only."""
    configure(monkeypatch, None, stage="prod")
    assert sign_up(api, key) == 403


def test_the_form_shows_the_configured_key(api: Client, google: Google) -> None:
    """signup-form returns the public key, never the secret."""
    answer = api("GET", "/api/v1/users/signup-form")
    assert answer.json == {"recaptcha_server_key": "site-key"}
