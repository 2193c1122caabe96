"""A caller's address behind the distribution of infra/edge.yaml, and in front of nothing."""

from dataclasses import replace

import pytest

import app as application
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.api import audit_tools
from tests.api.audit_tools import Trail
from tests.api.oauth_tools import DOCUMENTATION, TOKEN
from tests.conftest import PASSWORD
from tests.http import Client

pytestmark = pytest.mark.in_process("changes the secrets of the running application")
SECRET = "0123456789abcdef0123456789abcdef"
EDGE, VIEWER = "203.0.113.7", "198.51.100.23"
trail = audit_tools.trail  # a fixture


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that has the secret of a distribution."""
    keystore = application.api.keystore
    keyring = replace(keystore._copy.keyring, edge_secret=SECRET)
    monkeypatch.setattr(keystore, "_copy", replace(keystore._copy, keyring=keyring))


def address(api: Client, trail: Trail, **headers: str) -> str:
    """Sign in from the distribution's address, and return the one that the audit trail has."""
    form = {**DOCUMENTATION, "grant_type": "password", "username": "user", "password": PASSWORD}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    assert api("POST", TOKEN, form=form, headers=named, source=EDGE).status == 200
    return str(trail()[-1]["address"])


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        (f"{VIEWER}:46532", VIEWER),
        ("2001:db8::17e:7:43404", "2001:db8::17e:7"),
        ("[2001:db8::1]:43404", "2001:db8::1"),
        ("nobody:1", EDGE),
        ("", EDGE),
    ],
)
def test_the_distribution_says_who_calls(
    *, api: Client, user: User, documentation: OAuth2Client, edge: None, trail: Trail, told: str, seen: str
) -> None:
    """By its secret; what is no address is not believed."""
    headers = {"x_edge_secret": SECRET, "cloudfront_viewer_address": told}
    assert address(api, trail, **headers) == seen


@pytest.mark.parametrize("secret", [None, "", SECRET[:-1], SECRET.upper(), "\u017fecret"])
def test_nobody_else_says_who_calls(
    *, api: Client, user: User, documentation: OAuth2Client, edge: None, trail: Trail, secret: str | None
) -> None:
    """Without the secret, a caller is counted under its own address."""
    proof = {} if secret is None else {"x_edge_secret": secret}
    assert address(api, trail, **proof, cloudfront_viewer_address=f"{VIEWER}:1") == EDGE


def test_a_stage_without_a_distribution_believes_no_header(
    api: Client, user: User, documentation: OAuth2Client, trail: Trail
) -> None:
    """No secret equals none."""
    headers = {"x_edge_secret": "None", "cloudfront_viewer_address": f"{VIEWER}:1"}
    assert address(api, trail, **headers) == EDGE
