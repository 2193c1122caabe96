"""OAuth2 clients over the API: registering, looking, listing, changing, deleting."""

from typing import Any

import pytest

from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.api.oauth_tools import at_call
from tests.faults import wire
from tests.http import Client
from tests.support import OAUTH2_CLIENTS, Clients, MakeClient, MakeUser, TokenFor, dump_table, replace
from tests.target import path_of

URI = "https://app.test/callback"
SHOWN = {
    "client_id",
    "client_name",
    "user_id",
    "client_type",
    "redirect_uris",
    "default_scopes",
    "grant_types",
    "is_active",
    "created",
    "updated",
}


@pytest.fixture
def clients(api: Client, user: User, token_for: TokenFor) -> Clients:
    """Calls as an ordinary user."""
    return Clients(api, token_for(user))


@pytest.fixture
def admins(api: Client, admin: User, token_for: TokenFor) -> Clients:
    """Calls as an admin."""
    return Clients(api, token_for(admin))


def test_a_new_client_is_shown_with_its_address(clients: Clients, user: User) -> None:
    """201 + Location; the secret is in this answer and in no later one."""
    created = clients.register(redirect_uris=[URI], default_scopes=["users:read"])
    path = path_of(created.headers["location"])
    shown = clients.api("GET", path, token=clients.token)
    assert (created.status, set(created.json), set(shown.json)) == (201, SHOWN | {"client_secret"}, SHOWN)
    assert shown.json["user_id"] == user.id


def test_a_client_that_changes_meanwhile_is_deleted_all_the_same(
    clients: Clients, make_client: MakeClient, user: User
) -> None:
    """Behaviour 47: without a version, the current one is meant."""
    client = make_client("mine", user)
    with at_call("TransactWriteItems", lambda: client.update([OAuth2Client.client_name.set("x")])):
        assert clients("DELETE", "mine").status == 204
    assert clients("GET", "mine").status == 404


@pytest.mark.parametrize(
    ("method", "path", "patch"),
    [("PATCH", "mine", [replace("/redirect_uris", [URI])]), ("POST", "mine/secret", None)],
)
def test_a_client_that_changes_meanwhile_keeps_both_changes(
    *, clients: Clients, make_client: MakeClient, user: User, method: str, path: str, patch: Any
) -> None:
    """Behaviour 47, 59: without If-Match a change is applied again to the other writer's result."""
    client = make_client("mine", user)
    before = client.secret_hash
    with at_call("TransactWriteItems", lambda: client.update([OAuth2Client.client_name.set("x")])):
        assert clients(method, path, patch).status == 200
    client.refresh()
    assert client.client_name == "x"
    assert (client.redirect_uris == [URI], client.secret_hash != before) == (
        method == "PATCH",
        method == "POST",
    )


@pytest.mark.parametrize("path", ["/api/v1/auth/oauth2_clients", "/api/v1/users/me/grants"])
@pytest.mark.parametrize("client_id", ["NOBODY", "x" * 3000])
def test_what_can_not_be_an_id_is_not_looked_for(admins: Clients, path: str, client_id: str) -> None:
    """Behaviour 50: DynamoDB refuses a key of more than 2 KB, so it is never asked for one."""
    with wire() as sent:
        answer = admins.api("DELETE", f"{path}/{client_id}", token=admins.token)
    reads = [request for request in sent if request.operation == "BatchGetItem"]
    assert (answer.status, len(reads), client_id in repr(reads)) == (404, 1, False)


def test_a_secret_is_shown_once(clients: Clients) -> None:
    """Behaviour 28: neither the API nor the table gives a secret again."""
    created = clients.register().json
    later = [clients("GET", created["client_id"]), clients.list(f"?user_id={created['user_id']}")]
    assert created["client_secret"] not in repr([answer.body for answer in later]) + repr(dump_table())


def test_a_secret_has_256_bits(clients: Clients) -> None:
    """256 random bits make 43 characters of base64."""
    secrets = {clients.register().json["client_secret"] for _ in range(3)}
    assert (len(secrets), min(map(len, secrets)) >= 43) == (3, True)


def test_a_public_client_has_no_secret(clients: Clients) -> None:
    """A client of client_type public has no secret."""
    client = clients.register(client_type="public", redirect_uris=[URI]).json
    assert (client["client_type"], client.get("client_secret")) == ("public", None)


def test_a_form_works_like_json(clients: Clients) -> None:
    """Bodies of resource POSTs are JSON or form-encoded; a list is a repeated field."""
    form = [("redirect_uris", URI), ("redirect_uris", f"{URI}/2"), ("default_scopes", "users:read")]
    answer = clients.api("POST", OAUTH2_CLIENTS, token=clients.token, form=form)
    assert (answer.status, answer.json["redirect_uris"]) == (201, [URI, f"{URI}/2"])


@pytest.mark.parametrize(("caller", "status"), [("clients", 403), ("admins", 201)])
def test_the_password_grant_is_an_admins_to_give(
    request: pytest.FixtureRequest, caller: str, status: int
) -> None:
    """`password` only by an admin: it marks the client first-party."""
    register = request.getfixturevalue(caller).register
    assert register(grant_types=["password", "refresh_token"]).status == status


@pytest.mark.parametrize(("caller", "status"), [("clients", 403), ("admins", 200)])
def test_nor_can_a_patch_give_it(
    request: pytest.FixtureRequest, make_client: MakeClient, user: User, caller: str, status: int
) -> None:
    """The same rule when a client is changed."""
    make_client("mine", user)
    patch = [replace("/grant_types", ["password"])]
    assert request.getfixturevalue(caller)("PATCH", "mine", patch).status == status


@pytest.mark.parametrize("query", ["", "?user_id=", "?user_id={other}", "?user_id=nobody", "?user_id={own}x"])
def test_only_the_own_clients_are_listed(
    clients: Clients, user: User, make_user: MakeUser, query: str
) -> None:
    """user_id missing or another's is 422, and the parameter is named."""
    answer = clients.list(query.format(other=make_user("other").id, own=user.id))
    assert (answer.status, answer.json["errors"][0]["parameter"]) == (422, "user_id")


@pytest.mark.parametrize("role", ["own", "admin", "internal"])
def test_who_lists_whose_clients(
    *,
    api: Client,
    user: User,
    admin: User,
    make_user: MakeUser,
    make_client: MakeClient,
    token_for: TokenFor,
    role: str,
) -> None:
    """One's own; admin and internal may list any user's."""
    for number in range(2):
        make_client(f"mine{number}", user)
    callers = {"own": user, "admin": admin}
    caller = callers.get(role) or make_user("internal", is_internal=True)
    answer = Clients(api, token_for(caller)).list(f"?user_id={user.id}")
    found = [client["client_id"] for client in answer.json]
    assert (found, answer.headers["x-total-count"]) == (["mine0", "mine1"], "2")


def test_a_list_shows_the_declared_fields_alone(
    clients: Clients, user: User, make_client: MakeClient
) -> None:
    """Behaviour 41: no secret, no hash."""
    make_client("mine", user)
    assert [set(found) for found in clients.list(f"?user_id={user.id}").json] == [SHOWN]


METHODS = [("GET", "", 200), ("PATCH", "", 200), ("DELETE", "", 204), ("POST", "/secret", 200)]


@pytest.mark.parametrize(("method", "part", "success"), METHODS)
@pytest.mark.parametrize("role", ["own", "admin", "outsider"])
def test_who_may_do_what_with_a_client(
    *,
    api: Client,
    user: User,
    admin: User,
    make_user: MakeUser,
    make_client: MakeClient,
    token_for: TokenFor,
    role: str,
    method: str,
    part: str,
    success: int,
) -> None:
    """Owner and admin; but only the owner makes a new secret, since it acts for the owner."""
    make_client("mine", user)
    callers = {"own": user, "admin": admin}
    call = Clients(api, token_for(callers.get(role) or make_user("outsider")))
    data = [replace("/default_scopes", [])] if method == "PATCH" else None
    may = role == "own" or (role == "admin" and not part)
    assert call(method, f"mine{part}", data).status == (success if may else 403)


@pytest.mark.parametrize(("method", "part", "success"), METHODS)
@pytest.mark.parametrize("client_id", ["unknown", "X", "client-%23", "a" * 100])
def test_an_unknown_client_is_404(
    admins: Clients, method: str, part: str, success: int, client_id: str
) -> None:
    """Unknown ids are 404."""
    data = [replace("/default_scopes", [])] if method == "PATCH" else None
    assert admins(method, f"{client_id}{part}", data).status == 404


@pytest.fixture
def mine(make_client: MakeClient, user: User) -> OAuth2Client:
    """A client of the user's."""
    return make_client("mine", user, redirect_uris=[URI], default_scopes=["users:read"])


PATCHES = [
    ("redirect_uris", [f"{URI}/2"]),
    ("default_scopes", ["teams:read", "auth:write"]),
    ("default_scopes", []),
    ("grant_types", ["client_credentials", "refresh_token"]),
]


@pytest.mark.parametrize(("field", "value"), PATCHES)
def test_a_client_is_changed(clients: Clients, mine: OAuth2Client, field: str, value: list[str]) -> None:
    """PATCH replaces what the policy names."""
    answer = clients("PATCH", "mine", [replace(f"/{field}", value)])
    assert (answer.status, clients("GET", "mine").json[field]) == (200, value)


BAD_PATCHES = [
    ("redirect_uris", ["http://app.test/"]),
    ("redirect_uris", [None]),
    ("default_scopes", ["nothing"]),
    ("grant_types", ["implicit"]),
    *((name, "x") for name in ("client_id", "user_id", "client_type", "secret_hash", "client_secret")),
    *((name, 1) for name in ("previous_secret_until", "version", "created")),
]


@pytest.mark.parametrize(("field", "value"), BAD_PATCHES)
def test_what_a_client_cannot_become(clients: Clients, mine: OAuth2Client, field: str, value: Any) -> None:
    """Behaviour 39, 43: policy or value error 422; the client is unchanged."""
    before = dump_table()
    assert (clients("PATCH", "mine", [replace(f"/{field}", value)]).status, dump_table()) == (422, before)


def test_a_patch_cannot_contradict_the_type(clients: Clients, user: User, make_client: MakeClient) -> None:
    """Public with client_credentials is 422, by a patch too."""
    make_client("open", user, client_type="public", grant_types=["refresh_token"])
    assert clients("PATCH", "open", [replace("/grant_types", ["client_credentials"])]).status == 422


def test_the_last_redirect_uri_stays_with_authorization_code(clients: Clients) -> None:
    """A client for the code flow always has somewhere to redirect to."""
    client = clients.register(redirect_uris=[URI]).json
    assert clients("PATCH", client["client_id"], [replace("/redirect_uris", [])]).status == 422
