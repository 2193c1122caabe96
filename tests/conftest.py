"""What tests are made of, on a fresh table each: in this process, or behind a server (tests/over_http.py)."""

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from moto import mock_aws
from pynamodb.connection import Connection, TableConnection

# Before app.py is imported: it reads its settings and makes its DynamoDB client then.
os.environ.update(
    STAGE="test",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="us-east-1",
    SECRETS=f"file:{Path(tempfile.mkdtemp()) / 'secrets.json'}",
)
_mock = mock_aws()
_mock.start()
_session = botocore.session.get_session()

import app as application  # noqa: E402 - after the environment is set
from chalicelib.db import counters, keys  # noqa: E402
from chalicelib.db.table import Item, connection  # noqa: E402
from chalicelib.oauth.clients.actions import add_client  # noqa: E402
from chalicelib.oauth.clients.models import CONFIDENTIAL, PUBLIC_CLIENT, OAuth2Client  # noqa: E402
from chalicelib.oauth.secrets import hash_secret  # noqa: E402
from chalicelib.scopes import SCOPES  # noqa: E402
from chalicelib.security import passwords  # noqa: E402
from chalicelib.security.tokens import Claims, issue  # noqa: E402
from chalicelib.settings import Settings  # noqa: E402
from chalicelib.users.actions import add_user  # noqa: E402
from chalicelib.users.models import User, new_user  # noqa: E402
from tests import engine, over_http  # noqa: E402
from tests.api.code_tools import CALLBACK  # noqa: E402
from tests.http import Client  # noqa: E402
from tests.support import perform  # noqa: E402
from tests.target import base_url, connected, present, table_of  # noqa: E402

PASSWORD = "correct horse battery"
SECRET = "s" * 43
ALL_SCOPES = frozenset(SCOPES)

engine.install()

# pytest looks for its hooks in this module
pytest_addoption = over_http.pytest_addoption
pytest_configure = over_http.pytest_configure
pytest_collection_modifyitems = over_http.pytest_collection_modifyitems
pytest_terminal_summary = over_http.pytest_terminal_summary
pytest_sessionfinish = over_http.pytest_sessionfinish
pytest_testnodedown = over_http.pytest_testnodedown
pytest_unconfigure = over_http.pytest_unconfigure


@pytest.fixture(autouse=True)
def _as_at_first() -> Iterator[None]:
    """A process that has read no counter yet; the next test finds the connection that this one found."""
    counters._widths.clear()
    shared, meta = Item._shared, dict(vars(Item.Meta))
    yield
    Item._connection, Item._shared = None, shared
    for name, value in meta.items():
        if not name.startswith("__"):
            setattr(Item.Meta, name, value)


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The settings that the tests reach the table by."""
    return present().settings


@pytest.fixture(scope="session")
def shared(settings: Settings) -> TableConnection:
    """A connection to the table, made once: a client costs more than most tests."""
    return connected(settings)


@pytest.fixture
def table(shared: TableConnection) -> Iterator[None]:
    """An empty table."""
    with table_of(shared):
        yield


@pytest.fixture
def waits(table: None, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that were asked for; nothing sleeps, but the clock advances."""
    # A fresh client, since each has a quota of retries; of one session, which has read botocore's data once.
    Item.disconnect()
    monkeypatch.setattr(Connection, "session", _session)
    _ = connection().connection.client
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr("time.monotonic", lambda: sum(slept))
    return slept


@pytest.fixture
def api(table: None) -> Client:
    """A client of the application, in this process or over HTTP."""
    return present().client()


@cache
def hashed(_cost: int) -> str:
    """Return the hash of PASSWORD, computed once for each cost of hashes."""
    return passwords.hash_password(PASSWORD)


@pytest.fixture
def make_user(table: None) -> Callable[..., User]:
    """Make users straight in the table; their password is PASSWORD."""

    def make(username: str = "user", **fields: Any) -> User:
        stored = hashed(passwords.MEMORY_COST)
        fields = {"email": f"{username}@test.example", "password_hash": stored, **fields}

        def add() -> User:
            user = new_user(username=username, **fields)
            perform(add_user, user)
            return user

        return present().prepared(f"user {username} {fields}", add)

    return make


@pytest.fixture
def make_client(table: None) -> Callable[..., OAuth2Client]:
    """Make OAuth2 clients straight in the table; the secret of confidential ones is SECRET."""

    def make(client_id: str, user: User, **fields: Any) -> OAuth2Client:
        values: dict[str, Any] = {
            "client_type": CONFIDENTIAL,
            "default_scopes": sorted(SCOPES),
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            **fields,
        }
        if values["client_type"] == CONFIDENTIAL:
            values.setdefault("secret_hash", hash_secret(SECRET))

        def add() -> OAuth2Client:
            client = OAuth2Client.at(keys.client(client_id), client_id=client_id, user_id=user.id, **values)
            perform(add_client, client)
            return client

        return present().prepared(f"client {client_id} {user.id} {values}", add)

    return make


@pytest.fixture
def admin(make_user: Callable[..., User]) -> User:
    """An admin."""
    return make_user("admin", is_admin=True)


@pytest.fixture
def user(make_user: Callable[..., User]) -> User:
    """A user with write access and no other role."""
    return make_user("user")


@pytest.fixture
def documentation(admin: User, make_client: Callable[..., OAuth2Client]) -> OAuth2Client:
    """The public first-party client, which may use the password grant."""
    return make_client(
        "documentation",
        admin,
        client_type=PUBLIC_CLIENT,
        grant_types=["password", "refresh_token"],
    )


@pytest.fixture
def app(admin: User, make_client: Callable[..., OAuth2Client]) -> OAuth2Client:
    """A public third-party client, which signs users in by authorization code."""
    return make_client(
        "app",
        admin,
        client_name="Planner & Co <b>",
        client_type=PUBLIC_CLIENT,
        grant_types=["authorization_code", "refresh_token"],
        default_scopes=["teams:read", "teams:write", "users:read"],
        redirect_uris=[CALLBACK],
    )


@pytest.fixture
def service(admin: User, make_client: Callable[..., OAuth2Client]) -> OAuth2Client:
    """A confidential client for client_credentials, owned by the admin."""
    return make_client("service", admin)


@pytest.fixture
def token_for(documentation: OAuth2Client) -> Callable[..., str]:
    """Issue an access token without asking the token endpoint."""

    def make(user: User, scopes: frozenset[str] | set[str] = ALL_SCOPES, lifetime: int = 3600) -> str:
        claims = Claims(
            sub=user.id,
            client_id=documentation.client_id,
            scopes=frozenset(scopes),
            owner=user.id,
            client_owner=documentation.user_id,
            registration=documentation.registration_id,
            credentials_version=int(user.credentials_version),
        )
        return issue(application.api.keystore.keyring(), base_url(), claims, lifetime)

    return make


@pytest.fixture
def sign_in(api: Client, documentation: OAuth2Client) -> Callable[..., dict[str, Any]]:
    """Get tokens by the password grant, as the documentation client."""

    def get(username: str = "user", password: str = PASSWORD, **more: str) -> dict[str, Any]:
        form = {"grant_type": "password", "client_id": "documentation", "username": username}
        answer = api("POST", "/auth/oauth2/token", form={**form, "password": password, **more})
        assert answer.status == 200, answer.body
        tokens: dict[str, Any] = answer.json
        return tokens

    return get


@pytest.fixture
def round_trips(table: None) -> Iterator[list[str]]:
    """Names of the DynamoDB operations that were sent, as botocore counts them; clear it before you count."""
    sent: list[str] = []

    def record(operation_name: str, **_: Any) -> None:
        sent.append(operation_name)

    events = connection().connection.client.meta.events
    events.register("request-created.dynamodb", record)
    yield sent
    events.unregister("request-created.dynamodb", record)
