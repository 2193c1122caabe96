"""A key service that does not answer: 503, and nothing is lost."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import app as application
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.security.keys import new_secrets, read_keyring
from chalicelib.users.models import User
from tests.conftest import PASSWORD, SECRET
from tests.faults import Forward, Sent, Wired, lose, wire
from tests.http import Answer, Client
from tests.security.cloud import AWS, kms_entry
from tests.support import dump_table

TOKEN = "/auth/oauth2/token"


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application signs by KMS."""
    keyring = read_keyring(json.dumps(new_secrets(kms_entry("RS256"))), AWS)
    keys = application.api.keystore
    monkeypatch.setattr(keys, "_copy", replace(keys._copy, keyring=keyring))


def without_kms(sent: Sent, forward: Forward) -> Wired:
    """KMS never answers; everything else does."""
    return lose() if sent.operation == "Sign" else forward()


def forms(refresh_token: str) -> dict[str, dict[str, str]]:
    """Each grant, ready to be asked for."""
    return {
        "password": {"client_id": "documentation", "username": "user", "password": PASSWORD},
        "refresh_token": {"client_id": "documentation", "refresh_token": refresh_token},
        "client_credentials": {"client_id": "service", "client_secret": SECRET},
    }


@pytest.fixture
def ask(
    api: Client, user: User, service: OAuth2Client, kms: None, sign_in: Callable[..., dict[str, Any]]
) -> Callable[[str], Answer]:
    """Ask for a token by a grant."""
    prepared = forms(sign_in()["refresh_token"])
    return lambda grant: api("POST", TOKEN, form={"grant_type": grant, **prepared[grant]})


@pytest.mark.parametrize("grant", ["password", "refresh_token", "client_credentials"])
def test_a_fault_at_signing_loses_nothing(
    ask: Callable[[str], Answer], grant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behaviour 27, 57: 503 with Retry-After before anything is written; the same grant works afterwards."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    before = dump_table()
    with wire(without_kms):
        answer = ask(grant)
    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert dump_table() == before
    assert ask(grant).status == 200


def test_tokens_of_kms_are_accepted(
    api: Client, kms: None, user: User, sign_in: Callable[..., dict[str, Any]]
) -> None:
    """From sign-in to a call, with a key that this process has never seen."""
    assert api("GET", "/api/v1/users/me", token=sign_in()["access_token"]).json["id"] == user.id


def test_calls_do_not_ask_kms(
    api: Client, kms: None, user: User, sign_in: Callable[..., dict[str, Any]], round_trips: list[str]
) -> None:
    """Verifying takes no round trip more than with a local key."""
    token = sign_in()["access_token"]
    with wire() as sent:
        assert api("GET", "/api/v1/users/me", token=token).status == 200
    assert [request.operation for request in sent] == ["BatchGetItem"]
