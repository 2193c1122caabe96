"""Shorthands for tests: JSON Patch operations, and the content of the table."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

import app as application
from chalicelib.context import Context, run
from chalicelib.db.keys import Key
from chalicelib.db.table import Item, connection
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.http import Answer, Client

MakeUser = Callable[..., User]
MakeClient = Callable[..., OAuth2Client]
TokenFor = Callable[..., str]
SignIn = Callable[..., dict[str, Any]]
Operations = list[dict[str, Any]]
RawItem = dict[str, dict[str, Any]]  # as DynamoDB stores it

OAUTH2_CLIENTS = "/api/v1/auth/oauth2_clients"

NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"  # a ULID that names nothing
PASSING = ("letter", "tally")  # kinds of items that a server deletes by itself


T = TypeVar("T")


def a_context(**fields: Any) -> Context:
    """A unit of work outside of any request; nobody listens to its events."""
    given = {
        "settings": application.settings,
        "keystore": application.api.keystore,
        "source": "127.0.0.1",
        "request_id": "test",
    }
    return Context(**{**given, **fields})


def perform(action: Callable[..., T], *arguments: Any, **more: Any) -> T:
    """Do what an action does, as one unit of work."""
    return run(a_context(), lambda context: action(context, *arguments, **more))


def replace(path: str, value: Any) -> dict[str, Any]:
    """A replace operation."""
    return {"op": "replace", "path": path, "value": value}


def expect(path: str, value: Any) -> dict[str, Any]:
    """A test operation."""
    return {"op": "test", "path": path, "value": value}


def confirmed(password: str, *operations: dict[str, Any]) -> Operations:
    """A patch that proves knowledge of the current password."""
    return [expect("/current_password", password), *operations]


def unsendable(header: str) -> Any:
    """A header's value that no HTTP client sends, though an event could hold it."""
    return pytest.param(header, marks=pytest.mark.in_process("holds what an HTTP header cannot"))


def place(item: RawItem) -> Key:
    """The key of an item."""
    return Key(item["pk"]["S"], item["sk"]["S"])


def dump_table() -> list[RawItem]:
    """Every item of the table as DynamoDB stores it, in the order of the keys."""
    pages = connection().connection.client.get_paginator("scan").paginate(TableName=Item.Meta.table_name)
    return sorted((item for page in pages for item in page["Items"]), key=place)


def stored() -> list[dict[str, Any]]:
    """Every item of the table, but counts of calls and attempts, and letters that are on their way."""
    return [item for item in dump_table() if item["kind"]["S"] not in PASSING]


def present_keys() -> set[Key]:
    """The keys of all items of the table."""
    return {place(item) for item in dump_table()}


def items_naming(text: str) -> list[RawItem]:
    """Every item with a text anywhere in it."""
    return [item for item in dump_table() if text in repr(item)]


def left_of(text: str) -> list[RawItem]:
    """Every item with a text anywhere in it, except audit events, and notes of what else is to be deleted."""
    return [item for item in items_naming(text) if item["kind"]["S"] not in ("audit_event", "cascade")]


class Clients:
    """Calls the OAuth2 clients as one user."""

    def __init__(self, api: Client, token: str) -> None:
        self.api = api
        self.token = token

    def register(self, **fields: Any) -> Answer:
        """Register a client."""
        return self.api("POST", OAUTH2_CLIENTS, token=self.token, data=fields)

    def __call__(self, method: str, client_id: str, data: Any = None) -> Answer:
        """Call one client."""
        return self.api(method, f"{OAUTH2_CLIENTS}/{client_id}", token=self.token, data=data)

    def list(self, query: str) -> Answer:
        """List clients."""
        return self.api("GET", OAUTH2_CLIENTS + query, token=self.token)
