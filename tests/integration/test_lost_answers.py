"""A time-out after the commit: botocore asks again, and the write still has one effect."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import app as application
from chalicelib.db.table import Item, connection, create_table
from chalicelib.oauth.models import OAuth2Client
from chalicelib.users.models import User
from tests.conftest import PASSWORD
from tests.http import Answer, Client, InProcess
from tests.integration.wire import lost_answer
from tests.support import MakeUser, SignIn, TokenFor, confirmed, dump_table, replace

pytestmark = pytest.mark.integration

TOKEN = "/auth/oauth2/token"
TEAMS = "/api/v1/teams"
CLIENTS = "/api/v1/auth/oauth2_clients"


@dataclass
class World:
    """What requests need to name."""

    api: Client
    user: User
    member: User
    outsider: User
    token: str
    team: str
    refresh_token: str

    def form(self, **fields: str) -> Answer:
        """Ask the token endpoint as the documentation client."""
        return self.api("POST", TOKEN, form={"client_id": "documentation", **fields})

    def send(self, method: str, path: str, data: Any = None) -> Answer:
        """Call as the user."""
        return self.api(method, path, token=self.token, data=data)


@pytest.fixture
def api(table: None) -> Client:
    """A client in this very thread: only its requests are tampered with."""
    return Client(InProcess(application.app))


@pytest.fixture
def world(api: Client, user: User, make_user: MakeUser, token_for: TokenFor, sign_in: SignIn) -> World:
    """A user who leads a team of two, and has signed in."""
    token, member = token_for(user), make_user("member")
    team = f"{TEAMS}/{api('POST', TEAMS, token=token, data={'title': 'Engines'}).json['id']}"
    api("POST", f"{team}/members", token=token, data={"user_id": member.id})
    return World(api, user, member, make_user("outsider"), token, team, sign_in()["refresh_token"])


def sign_up(world: World) -> Answer:
    body = {"username": "ada", "email": "ada@test.example", "password": "analytical engine"}
    return world.api("POST", "/api/v1/users", data={**body, "recaptcha_key": "secret_key"})


def change_email(world: World) -> Answer:
    patch = confirmed(PASSWORD, replace("/email", "new@test.example"))
    return world.send("PATCH", f"/api/v1/users/{world.user.id}", patch)


def wrong_password(world: World) -> Answer:
    return world.form(grant_type="password", username="user", password="a guess")


REQUESTS: dict[str, tuple[int, Callable[[World], Answer]]] = {
    "sign up": (201, sign_up),
    "sign in": (200, lambda world: world.form(grant_type="password", username="user", password=PASSWORD)),
    "guess": (400, wrong_password),
    "refresh": (200, lambda world: world.form(grant_type="refresh_token", refresh_token=world.refresh_token)),
    "change an e-mail": (200, change_email),
    "create a team": (201, lambda world: world.send("POST", TEAMS, {"title": "Looms"})),
    "rename a team": (200, lambda world: world.send("PATCH", world.team, [replace("/title", "Looms")])),
    "add a member": (
        201,
        lambda world: world.send("POST", f"{world.team}/members", {"user_id": world.outsider.id}),
    ),
    "remove a member": (
        204,
        lambda world: world.send("DELETE", f"{world.team}/members/{world.member.id}"),
    ),
    "delete a team": (204, lambda world: world.send("DELETE", world.team)),
    "register a client": (201, lambda world: world.send("POST", CLIENTS, {})),
    "delete a client": (204, lambda world: world.send("DELETE", f"{CLIENTS}/own")),
    "rotate a secret": (200, lambda world: world.send("POST", f"{CLIENTS}/own/secret")),
    "revoke": (
        200,
        lambda world: world.api(
            "POST", "/auth/oauth2/revoke", form={"client_id": "documentation", "token": world.refresh_token}
        ),
    ),
}


def shape() -> Counter[tuple[str, int]]:
    """How many items of each kind there are, with the sums of what counters and versions say."""
    found: Counter[tuple[str, int]] = Counter()
    sums: Counter[str] = Counter()
    for item in dump_table():
        kind = item["kind"]["S"]
        # the shard that a counter's write goes to is drawn by lot
        number = int(item.get("amount", {"N": "0"})["N"]) if kind in ("counter", "failures") else 0
        sums[f"{kind} {item['pk']['S'].split('#')[0]}"] += number
        found[kind, 0 if kind == "counter" else int(item["version"]["N"])] += kind != "counter"
    return found + Counter(dict.fromkeys(sums.items(), 1))


def restore(items: list[dict[str, Any]]) -> None:
    """Make the table what it was."""
    Item.delete_table()
    create_table()
    for item in items:
        connection().connection.client.put_item(TableName=Item.Meta.table_name, Item=item)


@pytest.fixture
def own_client(make_client: Callable[..., OAuth2Client], user: User) -> OAuth2Client:
    """A client of the user's."""
    return make_client("own", user)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_write_whose_answer_is_lost_has_one_effect(
    name: str, world: World, own_client: OAuth2Client
) -> None:
    """ACCEPTANCE 59: with the answer to the commit lost, status and table are as if nothing had happened."""
    status, request = REQUESTS[name]
    before = dump_table()
    with lost_answer(10**6) as undisturbed:
        assert request(world).status == status
    expected, writes = shape(), undisturbed.index("TransactWriteItems")
    restore(before)
    with lost_answer(writes) as disturbed:
        assert request(world).status == status
    assert disturbed.count("TransactWriteItems") == undisturbed.count("TransactWriteItems") + 1
    assert shape() == expected
