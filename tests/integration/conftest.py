"""The application on AWS's DynamoDB Local, behind the server that `make run` starts."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pynamodb.connection import TableConnection

import app as application
from chalicelib import context
from chalicelib.db import transaction
from chalicelib.db.table import Item
from chalicelib.settings import Settings
from tests.http import Client, OverHttp
from tests.integration import dynamodb_local as engine
from tests.serving import serving
from tests.target import connected

POOL = 64  # as on local stages: every thread has a connection of its own
PATIENCE = 60.0  # seconds: these tests are about races, so a slow machine must not time out
MANY = 200  # attempts, for the same reason: waits that are long enough elsewhere are too short there

dynamodb_local = engine.dynamodb_local  # a fixture


@pytest.fixture(scope="package")
def settings(dynamodb_local: str) -> Settings:
    """The application's settings, but on DynamoDB Local."""
    return replace(application.settings, dynamodb_endpoint=dynamodb_local, connection_pool_size=POOL)


@pytest.fixture(scope="package")
def shared(settings: Settings) -> TableConnection:
    """A connection to DynamoDB Local, made once; moto lets requests to a loopback address pass."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Item.Meta, "connect_timeout_seconds", PATIENCE)
        monkeypatch.setattr(Item.Meta, "read_timeout_seconds", PATIENCE)
        return connected(settings)


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """The URL of the local server, in threads of this process."""
    with serving() as url:
        yield url


@pytest.fixture
def api(base_url: str, table: None, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client of the application over HTTP, for any number of threads."""
    monkeypatch.setattr(context, "RETRY_FOR", PATIENCE)
    monkeypatch.setattr(transaction, "ATTEMPTS", MANY)
    return Client(OverHttp(base_url))


@pytest.fixture
def sign_up(api: Client) -> Callable[..., Any]:
    """Sign up over the API and return the answer."""

    def send(username: str, email: str) -> Any:
        body = {"username": username, "email": email, "password": "analytical engine"}
        return api("POST", "/api/v1/users", data={**body, "recaptcha_key": "secret_key"})

    return send
