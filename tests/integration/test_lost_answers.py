"""A time-out after the commit: botocore asks again, and the write still has one effect."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import app as application
from chalicelib.db.table import Item, connection, create_table
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.settings import OPTIONAL
from chalicelib.users.models import User
from tests.api import account_tools
from tests.api.account_tools import Mail, Stage
from tests.api.code_tools import Browser, get_code, query_of, redeem
from tests.conftest import PASSWORD
from tests.http import Answer, Client, InProcess
from tests.integration import account_requests
from tests.integration.wire import lost_answer, no_answers
from tests.repeating import documented
from tests.support import MakeUser, SignIn, TokenFor, confirmed, dump_table, replace

pytestmark = pytest.mark.integration
stage = account_tools.stage  # a fixture

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
    mail: Mail

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
def people(user: User, make_user: MakeUser) -> tuple[User, User, User]:
    """The user, a member of the user's team, and somebody else."""
    return user, make_user("member"), make_user("outsider")


@pytest.fixture
def world(
    api: Client, people: tuple[User, User, User], token_for: TokenFor, sign_in: SignIn, stage: Stage
) -> World:
    """A user who leads a team of two, and has signed in, on a stage that confirms addresses."""
    user, member, outsider = people
    token = token_for(user)
    team = f"{TEAMS}/{api('POST', TEAMS, token=token, data={'title': 'Engines'}).json['id']}"
    api("POST", f"{team}/members", token=token, data={"user_id": member.id})
    return World(api, user, member, outsider, token, team, sign_in()["refresh_token"], stage(OPTIONAL))


Ask = Callable[[], Answer]


def sign_up(world: World) -> Ask:
    return lambda: account_tools.sign_up(world.api)


def change_email(world: World) -> Ask:
    patch = confirmed(PASSWORD, replace("/email", "new@test.example"))
    return lambda: world.send("PATCH", f"/api/v1/users/{world.user.id}", patch)


def give_password(world: World, text: str = PASSWORD) -> Ask:
    return lambda: world.form(grant_type="password", username="user", password=text)


def give_code(world: World) -> Ask:
    code = get_code(world.api, "user", PASSWORD)
    return lambda: redeem(world.api, code)


def sign_in_on_page(world: World) -> Ask:
    browser = Browser(world.api)
    page = browser.open(**query_of())

    def submit() -> Answer:
        browser.last = page
        return browser.submit("sign_in", username="user", password=PASSWORD)

    return submit


def allow_on_page(world: World) -> Ask:
    browser = Browser(world.api)
    browser.open(**query_of())
    page = browser.submit("sign_in", username="user", password=PASSWORD)

    def submit() -> Answer:
        browser.last = page
        return browser.submit("allow")

    return submit


def revoke(world: World) -> Ask:
    form = {"client_id": "documentation", "token": world.refresh_token}
    return lambda: world.api("POST", "/auth/oauth2/revoke", form=form)


def introspect(world: World) -> Ask:
    return lambda: world.api(
        "POST", "/auth/oauth2/introspect", form={"token": "x"}, basic=("own", "a wrong secret")
    )


def sending(method: str, path: str, data: Any = None) -> Callable[[World], Ask]:
    """Call as the user, with ids in the path and the body filled in."""

    def prepare(world: World) -> Ask:
        ids = {"team": world.team, "member": world.member.id, "outsider": world.outsider.id}
        body = {name: text.format(**ids) for name, text in data.items()} if isinstance(data, dict) else data
        return lambda: world.send(method, path.format(**ids), body)

    return prepare


# By a name: the operation, the status of its answer, and what makes everything ready for the request.
REQUESTS: dict[str, tuple[str, int, Callable[[World], Ask]]] = {
    "sign up": ("create_user", 201, sign_up),
    "sign in": ("create_token", 200, give_password),
    "guess": ("create_token", 400, lambda world: give_password(world, "a guess")),
    "refresh": (
        "create_token",
        200,
        lambda world: lambda: world.form(grant_type="refresh_token", refresh_token=world.refresh_token),
    ),
    "exchange a code": ("create_token", 200, give_code),
    "sign in on the page": ("continue_authorization", 200, sign_in_on_page),
    "allow on the page": ("continue_authorization", 303, allow_on_page),
    "change an e-mail": ("patch_user", 200, change_email),
    "create a team": ("create_team", 201, sending("POST", TEAMS, {"title": "Looms"})),
    "rename a team": ("patch_team", 200, sending("PATCH", "{team}", [replace("/title", "Looms")])),
    "add a member": ("create_member", 201, sending("POST", "{team}/members", {"user_id": "{outsider}"})),
    "remove a member": ("delete_member", 204, sending("DELETE", "{team}/members/{member}")),
    "delete a team": ("delete_team", 204, sending("DELETE", "{team}")),
    "register a client": ("create_oauth2_client", 201, sending("POST", CLIENTS, {})),
    "delete a client": ("delete_oauth2_client", 204, sending("DELETE", f"{CLIENTS}/own")),
    "rotate a secret": ("rotate_oauth2_client_secret", 200, sending("POST", f"{CLIENTS}/own/secret")),
    "revoke": ("revoke_token", 200, revoke),
    "introspect": ("introspect_token", 401, introspect),
    **account_requests.REQUESTS,
}
# What is the same thing again when it is sent again.
REPEATABLE = {"sign in", "guess", "refresh", "revoke", "introspect"}


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
    name: str, world: World, own_client: OAuth2Client, app: OAuth2Client
) -> None:
    """Behaviour 59: with the answer to the commit lost, status and table are as if nothing had happened."""
    _, status, prepare = REQUESTS[name]
    ask = prepare(world)
    before = dump_table()
    with lost_answer(10**6) as undisturbed:
        assert ask().status == status
    expected, writes = shape(), undisturbed.index("TransactWriteItems")
    restore(before)
    with lost_answer(writes) as disturbed:
        assert ask().status == status
    assert disturbed.count("TransactWriteItems") == undisturbed.count("TransactWriteItems") + 1
    assert shape() == expected


def test_every_post_is_among_them() -> None:
    """A new POST shows below what a caller can do about its lost answer; generated ones are all alike."""
    posts = {each.name for each in documented() if each.method == "POST"}
    assert posts - {operation for operation, _, _ in REQUESTS.values()} == set()


def still_signed_in(world: World) -> bool:
    """Whether nothing of the user has ended by accident."""
    me = world.send("GET", "/api/v1/users/me")
    return (me.status, "reuse" in str(dump_table())) == (200, False)


@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_told_of_a_lost_answer_is_true(
    name: str, world: World, own_client: OAuth2Client, app: OAuth2Client
) -> None:
    """Behaviour 20, 27, 57: "try again" leads to success; otherwise the outcome is reported as unknown."""
    _, status, prepare = REQUESTS[name]
    ask = prepare(world)
    with no_answers():
        lost = ask()
    told = lost.body.decode()
    assert (lost.status, "retry-after" in lost.headers) == (503, name in REPEATABLE)
    assert ("try again" in told, "not known" in told) == (name in REPEATABLE, name not in REPEATABLE)
    if name in REPEATABLE:
        assert ask().status == status
    assert still_signed_in(world)


def test_after_a_lost_code_one_starts_over(world: World, app: OAuth2Client) -> None:
    """Behaviour 34: the code stays for one use; its second use ends nothing but what came of it."""
    other = redeem(world.api, get_code(world.api, "user", PASSWORD)).json
    ask = give_code(world)
    with no_answers():
        lost = ask()
    assert "Start the authorization over" in lost.json["error_description"]
    again = ask()
    assert (again.status, again.json["error"]) == (400, "invalid_grant")
    assert give_code(world)().status == 200
    for token in (world.token, other["access_token"]):
        assert world.api("GET", "/api/v1/users/me", token=token).status == 200
    form = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": other["refresh_token"]}
    assert world.api("POST", TOKEN, form=form).status == 200


def test_tabs_go_on_after_a_lost_answer(world: World) -> None:
    """Behaviour 20, 22: one tab loses the answer, another one refreshes at the same time: one successor."""
    ask = REQUESTS["refresh"][2](world)
    with no_answers():
        assert ask().status == 503
    answers = [ask() for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    (successor,) = {answer.json["refresh_token"] for answer in answers}
    assert world.form(grant_type="refresh_token", refresh_token=successor).status == 200
    assert still_signed_in(world)
