"""Round trips to the table per request, counted at botocore; they do not grow with the data."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.db import counters, keys
from chalicelib.db.companions import entries_of
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.teams.models import Team, new_member
from chalicelib.users.models import User, new_user
from tests.acting import create_team
from tests.conftest import PASSWORD, SECRET
from tests.http import Answer, Client
from tests.support import MakeClient, MakeUser, SignIn, TokenFor, confirmed, replace

NEW_USER = {"username": "ada", "email": "ada@test.example", "password": "analytical engine"}
RETITLE = [replace("/title", "Looms")]


@pytest.fixture(params=[3, 150], ids="{}-items".format)
def amount(request: pytest.FixtureRequest) -> int:
    """How much there is of everything."""
    return int(request.param)


@pytest.fixture
def places(
    amount: int, admin: User, user: User, make_client: MakeClient, documentation: OAuth2Client
) -> dict[str, str]:
    """Fill the table, and name what the requests below are about."""
    team = create_team("Engines", admin.id, admin.username)
    make_client("mine", admin)
    items: list[Item] = []
    for number in range(amount):
        other = new_user(username=f"u{number}", email=f"u{number}@test.example", password_hash="")
        items += [other, new_member(team.id, other.id, other.username, is_leader=False)]
        items.append(Team.at(keys.team(other.id), id=other.id, title="Team"))
        items.append(new_member(other.id, admin.id, admin.username, is_leader=False))
        items.append(client_of(admin, f"client{number}"))
    with Item.batch_write() as batch:
        for item in items:
            for part in (item, *entries_of(item)):
                batch.save(part)
    add_up(amount, keys.USERS, keys.TEAMS, keys.clients_of(admin.id))
    team.update([Team.member_count.set(amount + 1)], add_version_condition=False)
    return {"team": team.id, "admin": admin.id, "user": user.id, "member": other.id}


def client_of(user: User, client_id: str) -> OAuth2Client:
    """A client that is listed."""
    return OAuth2Client.at(keys.client(client_id), client_id=client_id, user_id=user.id)


def add_up(amount: int, *names: str) -> None:
    """Count what was written past the counters."""
    transaction = Transaction()
    for name in names:
        counters.add(transaction, name, amount)
    transaction.commit()


READS = [
    ("GET", "/api/v1/users/me", 1),
    ("GET", "/api/v1/users/{user}", 1),
    ("GET", "/api/v1/auth/oauth2_clients/mine", 1),
    ("GET", "/api/v1/teams/{team}", 2),
    ("GET", "/api/v1/users?limit=100", 2),
    ("GET", "/api/v1/users?offset=100&limit=50", 2),
    ("GET", "/api/v1/users?username=user", 2),
    ("GET", "/api/v1/users?username=nobody", 1),
    ("GET", "/api/v1/teams?limit=100", 2),
    ("GET", "/api/v1/teams?limit=100&order=newest", 2),
    ("GET", "/api/v1/teams?title=team&limit=100", 3),
    ("GET", "/api/v1/teams/{team}/members?limit=100&order=newest", 2),
    ("GET", "/api/v1/users/me/teams?limit=100", 3),
    ("GET", "/api/v1/teams/{team}/members?limit=100", 2),
    ("GET", "/api/v1/auth/oauth2_clients?limit=100&user_id={admin}", 2),
    ("OPTIONS", "/api/v1/teams/{team}", 1),
    ("OPTIONS", "/api/v1/users/{user}", 1),
]
WRITES: list[tuple[str, str, dict[str, Any], int, int]] = [
    ("POST", "/api/v1/users", {"data": NEW_USER}, 201, 2),
    ("POST", "/api/v1/teams", {"data": {"title": "Looms"}}, 201, 2),
    ("POST", "/api/v1/teams/{team}/members", {"data": {"user_id": "{user}"}}, 201, 2),
    ("POST", "/api/v1/auth/oauth2_clients", {"data": {}}, 201, 2),
    ("POST", "/api/v1/auth/oauth2_clients/mine/secret", {}, 200, 2),
    ("PATCH", "/api/v1/users/{user}", {"data": [replace("/first_name", "Ada")]}, 200, 2),
    (
        "PATCH",
        "/api/v1/users/{user}",
        {"data": confirmed(PASSWORD, replace("/email", "n@test.example"))},
        200,
        2,
    ),
    ("PATCH", "/api/v1/users/{user}", {"data": confirmed(PASSWORD, replace("/is_admin", True))}, 200, 2),
    ("PATCH", "/api/v1/users/{user}", {"data": confirmed("wrong")}, 403, 2),
    ("PATCH", "/api/v1/teams/{team}", {"data": RETITLE}, 200, 2),
    ("PATCH", "/api/v1/auth/oauth2_clients/mine", {"data": [replace("/default_scopes", [])]}, 200, 2),
    ("DELETE", "/api/v1/teams/{team}", {}, 204, 2),
    ("DELETE", "/api/v1/teams/{team}/members/{member}", {}, 204, 2),
    ("DELETE", "/api/v1/auth/oauth2_clients/mine", {}, 204, 2),
    # one more, for the teams that the account leads
    ("DELETE", "/api/v1/users/{user}", {"data": {"current_password": PASSWORD}}, 204, 3),
]


def filled(data: Any, places: dict[str, str]) -> Any:
    """Put ids into a body."""
    if isinstance(data, dict):
        return {name: places[v[1:-1]] if str(v).startswith("{") else v for name, v in data.items()}
    return data


def test_a_read_stays_in_its_budget(
    api: Client, admin: User, places: dict[str, str], token_for: TokenFor, round_trips: list[str]
) -> None:
    """GET one 1, list 2, team with members 2; with 3 items and 150."""
    token, measured = token_for(admin), []
    for method, path, _ in READS:
        round_trips.clear()
        assert api(method, path.format(**places), token=token).status < 300
        measured.append((method, path, len(round_trips)))
    assert measured == READS


@pytest.mark.parametrize(("method", "path", "sent", "status", "budget"), WRITES)
def test_a_write_stays_in_its_budget(
    *,
    api: Client,
    admin: User,
    places: dict[str, str],
    token_for: TokenFor,
    round_trips: list[str],
    method: str,
    path: str,
    sent: dict[str, Any],
    status: int,
    budget: int,
) -> None:
    """PATCH, POST and DELETE 2; with 3 items and 150."""
    body = {kind: filled(data, places) for kind, data in sent.items()}
    token = token_for(admin)
    round_trips.clear()
    answer = api(method, path.format(**places), token=token, **body)
    assert (answer.status, len(round_trips), round_trips[:1]) == (status, budget, ["BatchGetItem"])


@pytest.mark.parametrize("path", ["/api/v1/users", "/api/v1/teams", "/api/v1/teams/{team}/members"])
def test_a_list_is_as_long_as_was_asked(
    *, api: Client, admin: User, amount: int, places: dict[str, str], token_for: TokenFor, path: str
) -> None:
    """The items that the budgets above are measured with really exist."""
    answer = api("GET", f"{path.format(**places)}?limit=100", token=token_for(admin))
    total = int(answer.headers["x-total-count"])
    assert (total > amount, len(answer.json)) == (True, min(100, total))


def test_sign_up_takes_one_write(api: Client, round_trips: list[str]) -> None:
    """What the address did so far; user, markers, count and the call in one transaction."""
    round_trips.clear()
    answer = api("POST", "/api/v1/users", data={**NEW_USER, "recaptcha_key": "secret_key"})
    assert (answer.status, round_trips) == (201, ["BatchGetItem", "TransactWriteItems"])


def by_client_credentials(api: Client, _: SignIn) -> Callable[[], Answer]:
    return lambda: api(
        "POST", "/auth/oauth2/token", form={"grant_type": "client_credentials"}, basic=("service", SECRET)
    )


def by_password(api: Client, _: SignIn) -> Callable[[], Answer]:
    form = {"grant_type": "password", "client_id": "documentation", "username": "user", "password": PASSWORD}
    return lambda: api("POST", "/auth/oauth2/token", form=form)


def by_refresh_token(api: Client, sign_in: SignIn) -> Callable[[], Answer]:
    form = {"grant_type": "refresh_token", "client_id": "documentation"}
    form["refresh_token"] = sign_in()["refresh_token"]
    return lambda: api("POST", "/auth/oauth2/token", form=form)


@pytest.mark.parametrize(
    ("grant", "most"), [(by_client_credentials, 2), (by_password, 3), (by_refresh_token, 3)]
)
def test_a_grant_stays_in_its_budget(
    *,
    api: Client,
    places: dict[str, str],
    service: OAuth2Client,
    sign_in: SignIn,
    round_trips: list[str],
    grant: Callable[[Client, SignIn], Callable[[], Answer]],
    most: int,
) -> None:
    """client_credentials at most 2, password 3, refresh 3."""
    ask = grant(api, sign_in)
    round_trips.clear()
    answer = ask()
    assert (answer.status, round_trips[most:]) == (200, [])


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_stranger_costs_one_round_trip(
    *,
    api: Client,
    make_user: MakeUser,
    places: dict[str, str],
    token_for: TokenFor,
    round_trips: list[str],
    method: str,
) -> None:
    """A refusal needs only the first read."""
    token = token_for(make_user("stranger"))
    round_trips.clear()
    data = RETITLE if method == "PATCH" else None
    answer = api(method, f"/api/v1/teams/{places['team']}", token=token, data=data)
    assert (answer.status, round_trips) == (403, ["BatchGetItem"])


def test_no_request_scans(
    api: Client, admin: User, places: dict[str, str], token_for: TokenFor, round_trips: list[str]
) -> None:
    """No Scan on any request path."""
    token = token_for(admin)
    round_trips.clear()
    for method, path, _ in READS:
        api(method, path.format(**places), token=token)
    for method, path, sent, _, _ in WRITES:
        api(method, path.format(**places), token=token, **{k: filled(v, places) for k, v in sent.items()})
    assert set(round_trips) == {"BatchGetItem", "Query", "TransactWriteItems"}
