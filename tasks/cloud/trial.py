"""The trial of what was deployed: it answers, signs somebody in, reads and writes; then the doctor looks."""

import json
import secrets
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from chalicelib.context import Context, run
from chalicelib.db import keys
from chalicelib.db.table import connect, get_many
from chalicelib.db.unique import UniqueName
from chalicelib.errors import ApiError
from chalicelib.oauth.clients import actions as clients
from chalicelib.oauth.clients.models import CONFIDENTIAL
from chalicelib.settings import Settings
from chalicelib.users import actions as users
from tasks.cloud.account import Account
from tasks.cloud.stack import Stack
from tasks.data import shards
from tasks.doctor.checks import AT_DEPLOYMENT
from tasks.doctor.report import BROKEN, DENIED, GOOD, SKIPPED, Subject, tell
from tasks.tables import task_context

PROBE = "deployment-probe"  # owns the client of each test; nobody knows its password
SCOPES = ["users:read", "teams:write"]
PATIENCE = 30.0  # seconds until a new deployment of the gateway is everywhere
NEW_DOMAIN = 180.0  # seconds until name servers know the address of a domain that was just made
# What has not reached the stage says nothing about it.
RETRIES = urllib3.Retry(connect=3, read=False, redirect=False, status=False, other=False, backoff_factor=0.5)
TIMEOUT = 30.0  # seconds: cold starts are among the requests


class SmokeError(Exception):
    """A deployed stage does not do what it must; the message says which."""


@dataclass
class Smoke:
    """A test of a stage.

    :param url: where its API is.
    :param build: the one that must answer.
    :param context: connected to the stage's table, with the operator's credentials.
    :param domain: the name to ask for at that URL, where it is another one; the certificate is for it.
    """

    url: str
    build: str
    context: Context
    domain: str = ""
    pause: float = 1.0

    def run(self) -> None:
        """Test the stage; what is written is undone.

        :raises SmokeError: something does not work.
        """
        self._await_build()
        shards.mark_if_new()
        owner = self._owner()
        fields = {"client_name": "Deployment", "client_type": CONFIDENTIAL, "default_scopes": SCOPES}
        client = run(self.context, lambda fresh: clients.create_client(fresh, owner, fields))
        try:
            self._work(f"{client.client_id}:{client.client_secret}")
        finally:
            run(self.context, lambda fresh: clients.delete_client(fresh, client))

    def _await_build(self) -> None:
        """Wait until the new build answers, with its table behind it."""
        deadline = time.monotonic() + (NEW_DOMAIN if self.domain else PATIENCE)
        while True:
            try:
                found = self._call("GET", "/health?deep=1", 200)["build"]
                if found == self.build:
                    return
                reason = f"/health names the build {found} instead of {self.build}"
            except SmokeError as error:
                reason = str(error)
            if time.monotonic() > deadline:
                raise SmokeError(reason)
            time.sleep(self.pause)

    def _owner(self) -> str:
        name = keys.username(PROBE)
        found = get_many([name]).get(name)
        if isinstance(found, UniqueName):
            return str(found.item_id)
        password = secrets.token_urlsafe(32)  # nobody learns it
        email = f"{PROBE}@grail.invalid"
        create = users.create_user
        return run(
            self.context, lambda fresh: create(fresh, username=PROBE, email=email, password=password)
        ).id

    def _work(self, credentials: str) -> None:
        basic = {"Authorization": "Basic " + b64encode(credentials.encode()).decode()}
        form = urlencode({"grant_type": "client_credentials"})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        token = self._call("POST", "/auth/oauth2/token", 200, form, basic | kind)["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        self._call("GET", "/api/v1/users/me", 200, headers=bearer)
        title = json.dumps({"title": f"Probe {secrets.token_hex(4)}"})
        kind = {"Content-Type": "application/json"}
        team = self._call("POST", "/api/v1/teams", 201, title, bearer | kind)["id"]
        self._call("DELETE", f"/api/v1/teams/{team}", 204, headers=bearer)

    def _call(
        self, method: str, path: str, status: int, body: str | None = None, headers: Any = None
    ) -> dict[str, Any]:
        try:
            answer = self._send(method, path, body, headers or {})
            found: dict[str, Any] = json.loads(answer.data or b"{}")
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise SmokeError(f"{method} {path}: {type(reason).__name__}") from error
        if answer.status != status:
            raise SmokeError(f"{method} {path} answers {answer.status}: {found.get('detail') or found}"[:300])
        return found

    def _send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Any:
        named = {"server_hostname": self.domain} if self.domain else {}
        host = {"Host": self.domain} if self.domain else {}
        with urllib3.connection_from_url(self.url, timeout=TIMEOUT, retries=RETRIES, **named) as pool:
            return pool.request(
                method, urlsplit(self.url).path + path, body=body, headers={**headers, **host}
            )


@dataclass(frozen=True)
class Trial:
    """The trial of a stage that was just deployed.

    :param say: prints a line.
    """

    account: Account
    settings: Settings
    stack: Stack
    say: Callable[[str], None] = print

    def run(self, build: str) -> str:
        """Call the stage as clients do, and return what failed; empty if nothing did."""
        settings = replace(self.settings, dynamodb_endpoint=self.account.endpoint)
        connect(settings)
        url, domain = self.stack.reach(settings.stage)
        found = ""
        try:
            Smoke(url, build, task_context("deploy", settings), domain).run()
        except (SmokeError, ApiError) as error:
            found = " ".join(str(error).split())
        self.say(f"{self.stack.url(settings.stage)} {'fails' if found else 'works'}.")
        return found

    def examine(self) -> str:
        """Print what the doctor finds, and return what keeps the stage from working; empty if nothing does.

        What the caller may not look at is no finding: a role that deploys reads no secrets.
        """
        connect(replace(self.settings, dynamodb_endpoint=self.account.endpoint))
        subject = Subject(self.settings, self.account.session, self.account.endpoint)
        subject.aws = self.account
        found = [(check.title, finding) for check in AT_DEPLOYMENT for finding in check.run(subject)]
        for title, finding in found:
            if finding.level not in (GOOD, SKIPPED, DENIED):
                self.say(tell(title, finding))
        hidden = ", ".join(title for title, finding in found if finding.level == DENIED)
        if hidden:
            self.say(f"Not looked at, for want of permission: {hidden}.")
        return next((f"{title}: {finding.text}" for title, finding in found if finding.level == BROKEN), "")
