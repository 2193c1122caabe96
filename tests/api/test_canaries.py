"""Behaviour 56: secrets go through every flow, and appear in no log line and no error body."""

import json
import logging
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

import app as application
from chalicelib import context
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.settings import Settings
from chalicelib.users.models import User
from tests.api.code_tools import VERIFIER, Browser, get_code, query_of, redeem, redirected
from tests.api.expected_access import EXPECTED
from tests.conftest import PASSWORD, SECRET
from tests.faults import refusal, wire
from tests.http import Answer, Client, Transport
from tests.log_tools import Log, deployed_log
from tests.support import OAUTH2_CLIENTS, MakeUser, SignIn, confirmed, replace

pytestmark = pytest.mark.in_process("reads the application's log")
TOKEN = "/auth/oauth2/token"
WRONG = "canary-wrong-password"
NEW = "canary-new-password"
CAPTCHA = "canary-captcha-answer"
MAIL = "canary-mail@test.example"
NAME = "canary-name"
LIBRARIES = ("botocore", "urllib3", "pynamodb")


@dataclass
class Watch:
    """A client whose secrets are all known, with everything that was logged or answered.

    :param secrets: what must not be disclosed, by its kind.
    :param names: what errors may show to its sender, but no log may hold.
    """

    inner: Transport
    log: Log
    secrets: dict[str, str]
    names: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, source: str
    ) -> Answer:
        """Send, and keep what is refused."""
        answer = self.inner.send(method, path, headers, body, source)
        if answer.status >= 400:
            self.refused.append(f"{answer.headers} {answer.body!r}")
        return answer

    def seen_as(self, source: str) -> str:
        """As the transport underneath."""
        return self.inner.seen_as(source)

    @property
    def api(self) -> Client:
        """A client that is watched."""
        return Client(self)

    def keep(self, found: dict[str, Any], *names: str) -> dict[str, Any]:
        """Remember secrets that an answer gave."""
        self.secrets |= {f"{name} {len(self.secrets)}": found[name] for name in names if name in found}
        return found

    def tokens(self, **form: str) -> dict[str, Any]:
        """Ask the token endpoint, and remember what it gives."""
        answer = self.api("POST", TOKEN, form={"client_id": "documentation", **form})
        return self.keep(answer.json, "access_token", "refresh_token")

    def leaks(self, streams: str) -> list[str]:
        """List the secrets that were disclosed."""
        logged = self.log.text + streams
        told = logged + "".join(self.refused)
        found = [name for name, value in self.secrets.items() if any(each in told for each in forms(value))]
        return found + [f"{name}, logged" for name, value in self.names.items() if value in logged]


def forms(secret: str) -> set[str]:
    """A secret as it is, in URLs, in JSON, in Python, in base64."""
    encoded = b64encode(secret.encode()).decode()
    return {secret, quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1], encoded}


@pytest.fixture
def watch(api: Client, settings: Settings, user: User, documentation: OAuth2Client) -> Iterator[Watch]:
    """Log at every level, and search all of the output."""
    document = json.loads(Path(str(settings.secrets).removeprefix("file:")).read_text("utf-8"))
    secrets = {
        "signing key": document["signing_keys"][0]["pem"].splitlines()[1],
        "mac secret": document["mac_secret"],
        "password": PASSWORD,
        "wrong password": WRONG,
        "new password": NEW,
        "captcha": CAPTCHA,
        "client secret": SECRET,
        "basic": b64encode(f"service:{SECRET}".encode()).decode(),
        "verifier": VERIFIER,
    }
    with deployed_log(settings, "DEBUG") as log:
        loggers = [logging.getLogger(name) for name in ("", *LIBRARIES)]
        for logger in loggers:
            logger.setLevel(logging.DEBUG)
        yield Watch(api.transport, log, secrets, {"e-mail": user.email, "new e-mail": MAIL, "username": NAME})
    for logger in loggers[1:]:
        logger.setLevel(logging.NOTSET)


def test_signing_in_and_refreshing_tells_nothing(watch: Watch, capfd: pytest.CaptureFixture[str]) -> None:
    """Behaviour 56: success, failure, rotation, reuse, revocation."""
    first = watch.tokens(grant_type="password", username="user", password=PASSWORD)
    watch.tokens(grant_type="password", username="user", password=WRONG)
    watch.tokens(grant_type="password", username=WRONG, password=PASSWORD)
    second = watch.tokens(grant_type="refresh_token", refresh_token=first["refresh_token"])
    watch.tokens(grant_type="refresh_token", refresh_token=first["refresh_token"])
    for token in (first["access_token"], second["refresh_token"], WRONG):
        watch.api("POST", "/auth/oauth2/revoke", form={"client_id": "documentation", "token": token})
    watch.api("GET", "/api/v1/users/me", token=first["access_token"])
    watch.api("GET", f"/api/v1/users/me?access_token={second['access_token']}")
    watch.api("GET", "/api/v1/users/me", token=f"{second['access_token']}x")
    assert watch.leaks("".join(capfd.readouterr())) == []
    assert {line["status"] for line in watch.log.of("request")} == {200, 400, 401}


def test_clients_tell_nothing(
    watch: Watch, admin: User, service: OAuth2Client, sign_in: SignIn, capfd: pytest.CaptureFixture[str]
) -> None:
    """Behaviour 56: creation, rotation, client credentials, introspection, wrong secrets."""
    token = watch.keep(sign_in("admin"), "access_token", "refresh_token")["access_token"]
    made = watch.api("POST", OAUTH2_CLIENTS, token=token, data={"grant_types": ["client_credentials"]}).json
    watch.keep(made, "client_secret")
    address = f"{OAUTH2_CLIENTS}/{made['client_id']}"
    watch.keep(watch.api("POST", f"{address}/secret", token=token).json, "client_secret")
    form = {"grant_type": "client_credentials"}
    basic = (made["client_id"], made["client_secret"])
    watch.keep(watch.api("POST", TOKEN, form=form, basic=basic).json, "access_token")
    for guess in (SECRET, WRONG):
        basic = ("service", guess)
        watch.keep(watch.api("POST", TOKEN, form=form, basic=basic).json, "access_token")
        watch.api("POST", "/auth/oauth2/introspect", form={"token": token}, basic=basic)
    watch.api("POST", TOKEN, form={**form, "client_id": "service", "client_secret": WRONG})
    assert watch.leaks("".join(capfd.readouterr())) == []


def test_the_code_flow_tells_nothing(
    watch: Watch, app: OAuth2Client, capfd: pytest.CaptureFixture[str]
) -> None:
    """Behaviour 56: pages, tickets, cookies, codes, verifiers; a code is redeemed twice, too."""
    browser = Browser(watch.api)
    browser.open(**query_of(state="canary-state"))
    watch.keep({"ticket": browser.page.fields["ticket"], **browser.cookies}, "ticket", *browser.cookies)
    browser.submit("sign_in", username="user", password=WRONG)
    browser.submit("sign_in", username="user", password=PASSWORD)
    code = watch.keep(redirected(browser.submit("allow")), "code")["code"]
    watch.keep(redeem(watch.api, code).json, "access_token", "refresh_token")
    redeem(watch.api, code)
    other = watch.keep({"code": get_code(watch.api, "user", PASSWORD)}, "code")["code"]
    redeem(watch.api, other, code_verifier=WRONG * 3)
    watch.names["state"] = "canary-state"
    # the sign-in page is shown again, with a ticket of its own for this browser
    watch.refused[:] = [page for page in watch.refused if "<form" not in page]
    assert watch.leaks("".join(capfd.readouterr())) == []


def test_accounts_tell_nothing(
    watch: Watch, user: User, sign_in: SignIn, capfd: pytest.CaptureFixture[str]
) -> None:
    """Behaviour 56: sign-up with a captcha, current passwords right and wrong, new e-mail and password."""
    token = watch.keep(sign_in(), "access_token", "refresh_token")["access_token"]
    me = f"/api/v1/users/{user.id}"
    new = {"username": NAME, "email": MAIL, "password": NEW, "recaptcha_key": CAPTCHA}
    watch.api("POST", "/api/v1/users", data=new)
    watch.api("POST", "/api/v1/users", data={**new, "email": WRONG, "recaptcha_key": "secret_key"})
    watch.api("POST", "/api/v1/users", data={**new, "recaptcha_key": "secret_key"})
    json_body = {"Content-Type": "application/json"}
    watch.api("POST", "/api/v1/users", headers=json_body, raw=f'{{"password": "{NEW}",'.encode())
    for operations in (
        confirmed(WRONG, replace("/email", MAIL)),
        confirmed(PASSWORD, replace("/email", f"other-{MAIL}")),
        [replace("/password", NEW)],
        confirmed(PASSWORD, replace("/password", NEW), replace("/is_admin", value=True)),
        confirmed(PASSWORD, replace("/password", NEW)),
        confirmed(NEW, replace("/nonsense", PASSWORD)),
    ):
        watch.api("PATCH", me, token=token, data=operations)
    assert watch.leaks("".join(capfd.readouterr())) == []
    assert {line["status"] for line in watch.log.of("request")} >= {200, 201, 400, 401, 403, 422}


@pytest.mark.parametrize("route", sorted(EXPECTED), ids="-".join)
def test_exceptions_full_of_secrets_tell_nothing(
    *,
    watch: Watch,
    sign_in: SignIn,
    route: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Behaviour 54, 56: any failure, with any quoted part of body, headers or query."""
    token = watch.keep(sign_in(), "access_token", "refresh_token")["access_token"]
    canaries = " ".join([token, *watch.secrets.values(), MAIL])

    def explode(*_: object, **__: object) -> None:
        try:
            int(canaries)
        except ValueError as error:
            raise KeyError(canaries) from error

    monkeypatch.setattr(context, "get_many", explode)
    method, path = route
    path = re.sub(r"{\w+}", "01ARZ3NDEKTSV4RRFFQ69G5FAV", path)
    form = {"client_id": "documentation", "grant_type": "password", "username": MAIL, "password": WRONG}
    more: dict[str, Any] = {"form": form} if path.startswith("/auth/") else {"data": form}
    sent = {"Cookie": f"session={WRONG}", "X-Anything": NEW}
    watch.api(method, f"{path}?code={WRONG}&state={NEW}", token=token, headers=sent, **more)
    assert watch.log.of("request"), "the request was logged"
    assert watch.leaks("".join(capfd.readouterr())) == []


def test_what_aws_says_is_not_repeated(
    watch: Watch, sign_in: SignIn, capfd: pytest.CaptureFixture[str]
) -> None:
    """Behaviour 54, 56: messages of DynamoDB quote keys and values."""
    token = watch.keep(sign_in(), "access_token", "refresh_token")["access_token"]
    with wire(lambda *_: refusal("ValidationException", message=f"{WRONG} {MAIL} is no key")):
        assert watch.api("GET", "/api/v1/users/me", token=token).status in (500, 503)
    assert watch.leaks("".join(capfd.readouterr())) == []


def test_leaks_are_found(watch: Watch, make_user: MakeUser) -> None:
    """The tests above find secrets in any encoding."""
    logging.getLogger("grail").debug("form: %s", {"password": WRONG})
    logging.getLogger("grail").info(b64encode(NEW.encode()).decode())
    logging.getLogger("grail").warning(MAIL)
    watch.refused.append(f"captcha={quote_plus(CAPTCHA)}")
    assert set(watch.leaks("")) == {"wrong password", "new password", "captcha", "new e-mail, logged"}
    assert watch.leaks(application.api.settings.stage) != []
