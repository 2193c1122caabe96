"""What schemathesis needs to know about this API: how to sign in, and what must not be deleted."""

import os
from typing import Any
from urllib.parse import urlencode

import requests
import schemathesis

from chalicelib.db.keys import is_id
from tasks.seed import DOCUMENTATION

TEAM_METHODS = ("GET", "POST", "PATCH")  # a DELETE would leave nothing to try
TOKEN_LASTS = 3000  # seconds; less than the server's hour
ACCOUNT = "FUZZ_ACCOUNT"  # name:password of an account; empty to stay anonymous
FORM = "application/x-www-form-urlencoded"

teams: list[str] = []


class SignedIn:
    """A token by password, refreshed later: by then the account may be held back for failed guesses."""

    def __init__(self) -> None:
        self.refresh_token = ""

    def get(self, case: Any, _context: Any) -> str:
        """Get an access token."""
        name, _, password = os.environ[ACCOUNT].partition(":")
        form = {"grant_type": "password", "username": name, "password": password}
        if self.refresh_token:
            form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        url = f"{case.operation.base_url.rstrip('/')}/auth/oauth2/token"
        answer = requests.post(url, {**form, "client_id": DOCUMENTATION}, timeout=30)
        answer.raise_for_status()
        tokens = answer.json()
        self.refresh_token = tokens["refresh_token"]
        return str(tokens["access_token"])

    def set(self, case: Any, data: str, _context: Any) -> None:
        """Send the token."""
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


def after_call(_context: Any, case: Any, response: Any) -> None:
    """Remember teams: few ids that are made up name one, and links lead to them only in sequences."""
    if response.status_code == 201 and case.path == "/api/v1/teams":
        teams.append(response.json()["id"])


def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Keep the client that the tokens are of, and send forms in the way that this server takes them."""
    ids = case.path_parameters or {}
    if case.method != "GET" and ids.get("client_id") == DOCUMENTATION:
        ids["client_id"] = "spared"
    # What is no id is meant to be refused.
    if teams and is_id(ids.get("team_id")) and ids["team_id"] not in teams and case.method in TEAM_METHODS:
        ids["team_id"] = teams[-1]
    # requests would send a form that encodes to nothing in chunks, which only API Gateway takes.
    if case.media_type == FORM and isinstance(case.body, dict):
        given = {name: value for name, value in case.body.items() if value is not None}
        case.body = case.body if urlencode(given, doseq=True) else {}


schemathesis.hook(before_call)
schemathesis.hook(after_call)
if os.environ.get(ACCOUNT):
    # The OAuth2 endpoints ask for a client, not for a token.
    schemathesis.auth(refresh_interval=TOKEN_LASTS, retry_on=[]).skip_for(path_regex="^/auth/")(SignedIn)
