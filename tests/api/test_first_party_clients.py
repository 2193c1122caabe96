"""Clients with the password grant: people type their passwords into them, so admins decide on them."""

from typing import Any

import pytest

from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.conftest import SECRET
from tests.http import Client
from tests.support import Clients, MakeClient, MakeUser, TokenFor, dump_table, replace

URI = "https://app.test/callback"
CHANGES = {
    "client_name": "Grail",
    "redirect_uris": ["https://phish.example/login"],
    "default_scopes": ["auth:write", "users:write"],
    "grant_types": ["authorization_code", "password", "refresh_token"],
}
MAY = {
    "admin": True,
    "internal": True,
    "user": False,
    "demoted admin": False,
    "admin without write access": False,
    "admin's service": False,
}


@pytest.fixture
def owner(make_user: MakeUser) -> User:
    """Whose client it is; the callers own it when they are no admins."""
    return make_user("owner")


@pytest.fixture
def caller() -> str:
    """Who calls, where the test names nobody else: the owner."""
    return "user"


@pytest.fixture
def clients(
    *,
    caller: str,
    api: Client,
    admin: User,
    owner: User,
    make_user: MakeUser,
    make_client: MakeClient,
    token_for: TokenFor,
) -> Clients:
    """Calls as the caller."""
    if caller == "admin's service":
        make_client("robot", admin)
        form = {"grant_type": "client_credentials"}
        answer = api("POST", "/auth/oauth2/token", form=form, basic=("robot", SECRET))
        return Clients(api, answer.json["access_token"])
    if caller == "demoted admin":
        owner.update([User.is_admin.set(True)])
    people = {
        "admin": lambda: admin,
        "internal": lambda: make_user("internal", is_internal=True),
        "admin without write access": lambda: make_user("reader", is_admin=True, is_regular_user=False),
    }
    token = token_for(people.get(caller, lambda: owner)())
    owner.update([User.is_admin.set(False)])
    return Clients(api, token)


@pytest.fixture
def ours(make_client: MakeClient, owner: User) -> OAuth2Client:
    """A client of the owner's with the password grant."""
    return make_client("ours", owner, redirect_uris=[URI], grant_types=["password", "refresh_token"])


@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.parametrize("caller", MAY)
def test_who_changes_a_client_with_the_password_grant(
    clients: Clients, ours: OAuth2Client, caller: str, field: str
) -> None:
    """For any owner, an admin decides on its name, addresses, scopes and grants."""
    before = dump_table()
    answer = clients("PATCH", "ours", [replace(f"/{field}", CHANGES[field])])
    expected = (200, True) if MAY[caller] else (403, False)
    assert (answer.status, dump_table() != before) == expected


@pytest.mark.parametrize("caller", MAY)
def test_who_gives_the_password_grant(
    clients: Clients, make_client: MakeClient, owner: User, caller: str
) -> None:
    """At registration and later, the same people."""
    make_client("plain", owner, redirect_uris=[URI], grant_types=["authorization_code"])
    grants = ["authorization_code", "password"]
    statuses = [
        clients.register(grant_types=grants, redirect_uris=[URI]).status,
        clients("PATCH", "plain", [replace("/grant_types", grants)]).status,
    ]
    assert statuses == ([201, 200] if MAY[caller] else [403, 403])


@pytest.mark.parametrize("caller", ["user", "demoted admin"])
def test_the_owner_takes_the_password_grant_away(clients: Clients, ours: OAuth2Client, caller: str) -> None:
    """With whatever else the patch changes: the client is an ordinary one from then on."""
    patch = [replace(f"/{name}", value) for name, value in CHANGES.items() if name != "grant_types"]
    patch.append(replace("/grant_types", ["authorization_code", "refresh_token"]))
    statuses = [
        clients("PATCH", "ours", patch).status,
        clients("PATCH", "ours", [replace("/client_name", "Ours")]).status,
        clients("PATCH", "ours", [replace("/grant_types", ["password"])]).status,
    ]
    assert statuses == [200, 200, 403]


TRICKS: dict[str, list[dict[str, Any]]] = {
    "taken away and given back": [
        replace("/grant_types", ["refresh_token"]),
        replace("/client_name", "Grail"),
        replace("/grant_types", ["password"]),
    ],
    "another order": [replace("/grant_types", ["refresh_token", "password"])],
    "removed name": [{"op": "remove", "path": "/redirect_uris/0"}],
    "one more scope": [{"op": "add", "path": "/default_scopes/-", "value": "auth:write"}],
}


@pytest.mark.parametrize("trick", TRICKS)
def test_no_patch_goes_around_it(clients: Clients, owner: User, make_client: MakeClient, trick: str) -> None:
    """What counts is the client as the patch leaves it."""
    grants = ["password", "refresh_token"]
    make_client("ours", owner, redirect_uris=[URI], grant_types=grants, default_scopes=["users:read"])
    before = dump_table()
    assert (clients("PATCH", "ours", TRICKS[trick]).status, dump_table()) == (403, before)


def test_the_refusal_names_who_may(clients: Clients, ours: OAuth2Client) -> None:
    """The message says what to do."""
    detail = clients("PATCH", "ours", [replace("/client_name", "Grail")]).json["detail"]
    assert "Admin with write access and a sign-in through a first-party client" in detail
