"""What each operation costs in DynamoDB capacity units, measured on AWS's DynamoDB Local.

`python -m benchmarks.capacity` prints the table; it needs a JDK of version 17 or newer, and Maven.
DynamoDB Local charges nothing for keys that are absent, nor for some writes in transactions, where AWS does:
the figures are bounds from below, and above all what must not grow with the data.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.db import counters, keys
from chalicelib.db.counters import Counter
from chalicelib.db.table import Item, connection, create_table
from chalicelib.oauth.models import OAuth2Client
from chalicelib.oauth.scopes import SCOPES
from chalicelib.security.passwords import hash_password
from chalicelib.teams.models import Team, new_member
from chalicelib.users.models import UniqueName, User, marker, new_user
from tests.http import Answer, Client, InProcess
from tests.integration.dynamodb_local import running

SIZE = 104  # a page of every list, and the hundred members that a team shows
PASSWORD = "correct horse battery"  # noqa: S105 - of users that live as long as the measurement
TOKEN = "/auth/oauth2/token"  # noqa: S105 - a path
USERS, TEAMS = "/api/v1/users", "/api/v1/teams"
CLIENTS = "/api/v1/auth/oauth2_clients"


@dataclass(frozen=True)
class Cost:
    """Capacity units; those of the index are in them."""

    reads: float
    writes: float


@contextmanager
def metered() -> Iterator[list[dict[str, Any]]]:
    """Have DynamoDB tell what it charges; gives one entry per request."""
    charged: list[dict[str, Any]] = []

    def ask(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def note(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        capacity = parsed.get("ConsumedCapacity", [])
        entries = capacity if isinstance(capacity, list) else [capacity]
        charged.extend({"operation": model.name, **entry} for entry in entries)

    events = connection().connection.client.meta.events
    events.register("before-parameter-build.dynamodb", ask)
    events.register("after-call.dynamodb", note)
    try:
        yield charged
    finally:
        events.unregister("before-parameter-build.dynamodb", ask)
        events.unregister("after-call.dynamodb", note)


def cost(charged: list[dict[str, Any]]) -> Cost:
    """Add up what was charged, reads and writes apart."""
    sums = {True: 0.0, False: 0.0}
    for entry in charged:
        sums["Get" in entry["operation"] or entry["operation"] == "Query"] += entry["CapacityUnits"]
    return Cost(sums[True], sums[False])


@dataclass
class Data:
    """What the operations are called on."""

    client: Client
    token: str
    user_id: str
    team_id: str
    member_id: str
    client_id: str
    refresh_token: str

    def __call__(self, method: str, path: str, data: Any = None) -> Answer:
        """Call as an admin."""
        named = path.format(
            user=self.user_id, team=self.team_id, member=self.member_id, client=self.client_id
        )
        return self.client(method, named, token=self.token, data=data)

    def grant(self, **fields: str) -> Answer:
        """Ask the token endpoint."""
        return self.client("POST", TOKEN, form={"client_id": "documentation", **fields})


def sign_up(data: Data) -> Answer:
    """Sign a user up."""
    names = {"username": "newcomer", "email": "newcomer@test.example"}
    return data("POST", USERS, {**names, "password": PASSWORD})


def rename(path: str, value: str) -> list[dict[str, str]]:
    """Make a patch of one field."""
    return [{"op": "replace", "path": path, "value": value}]


# In this order they can follow each other on the same data.
OPERATIONS: dict[str, Callable[[Data], Answer]] = {
    "POST token (password)": lambda data: data.grant(
        grant_type="password", username="user000000", password=PASSWORD
    ),
    "POST token (refresh_token)": lambda data: data.grant(
        grant_type="refresh_token", refresh_token=data.refresh_token
    ),
    "GET users": lambda data: data("GET", USERS),
    "POST users": sign_up,
    "GET users/me": lambda data: data("GET", f"{USERS}/me"),
    "GET users/{id}": lambda data: data("GET", f"{USERS}/{{member}}"),
    "PATCH users/{id}": lambda data: data("PATCH", f"{USERS}/{{member}}", rename("/first_name", "Ada")),
    "GET teams": lambda data: data("GET", TEAMS),
    "POST teams": lambda data: data("POST", TEAMS, {"title": "Looms"}),
    "GET teams/{id}": lambda data: data("GET", f"{TEAMS}/{{team}}"),
    "PATCH teams/{id}": lambda data: data("PATCH", f"{TEAMS}/{{team}}", rename("/title", "Looms!!")),
    "GET members": lambda data: data("GET", f"{TEAMS}/{{team}}/members"),
    "POST members": lambda data: data(
        "POST", f"{TEAMS}/{{team}}/members", {"user_id": data.user_id, "is_leader": True}
    ),
    "DELETE members/{id}": lambda data: data("DELETE", f"{TEAMS}/{{team}}/members/{{member}}"),
    "DELETE teams/{id}": lambda data: data("DELETE", f"{TEAMS}/{{team}}"),
    "GET oauth2_clients": lambda data: data("GET", f"{CLIENTS}?user_id={{user}}"),
    "POST oauth2_clients": lambda data: data("POST", CLIENTS, {}),
    "GET oauth2_clients/{id}": lambda data: data("GET", f"{CLIENTS}/{{client}}"),
    "DELETE oauth2_clients/{id}": lambda data: data("DELETE", f"{CLIENTS}/{{client}}"),
}


def measure(data: Data) -> dict[str, Cost]:
    """Call every operation once.

    :raises RuntimeError: one of them did not succeed, so its cost would say nothing.
    """
    costs = {}
    for name, call in OPERATIONS.items():
        with metered() as charged:
            answer = call(data)
        if answer.status >= 300:
            raise RuntimeError(f"{name}: {answer.status} {answer.body!r}")
        costs[name] = cost(charged)
    return costs


def fill(client: Client, size: int) -> Data:
    """Make users, teams and clients in an empty table, as many of each; everybody is in the first team.

    Names are equally long whatever the size: what is compared is the number of items.
    """
    users = [_user(number) for number in range(size)]
    root, teams = users[0], [_team(size) for _ in range(size)]
    clients = [_client(root, f"client{number:06}") for number in range(size)]
    clients.append(
        _client(root, "documentation", client_type="public", grant_types=["password", "refresh_token"])
    )
    with Item.batch_write() as batch:
        for item in (*users, *teams, *clients, *_names(root), *_counters(root, size)):
            batch.save(item)
        for number, user in enumerate(users):
            # the first is not a member yet
            if number:
                batch.save(new_member(teams[0].id, user.id, user.username, is_leader=number < 3))
    form = {"grant_type": "password", "client_id": "documentation", "username": root.username}
    tokens = client("POST", TOKEN, form={**form, "password": PASSWORD}).json
    return Data(
        client,
        tokens["access_token"],
        root.id,
        teams[0].id,
        users[1].id,
        clients[0].client_id,
        tokens["refresh_token"],
    )


@cache
def _password_hash() -> str:
    return hash_password(PASSWORD)


def _user(number: int) -> User:
    name = f"user{number:06}"
    email = f"{name}@test.example"
    return new_user(
        username=name, email=email, password_hash=_password_hash(), is_admin=number == 0, version=1
    )


def _names(user: User) -> list[UniqueName]:
    return [marker(key, user.id) for key in (keys.username(user.username), keys.email(user.email))]


def _team(members: int) -> Team:
    team_id, counts = keys.new_id(), {"member_count": members - 1, "leader_count": 2, "version": 1}
    return Team.at(
        keys.team(team_id), id=team_id, title="Engines", gsi1pk=keys.TEAMS, gsi1sk=team_id, **counts
    )


def _client(user: User, client_id: str, **fields: Any) -> OAuth2Client:
    listed = {"gsi1pk": keys.clients_of(user.id), "gsi1sk": client_id}
    values = {"default_scopes": sorted(SCOPES), "version": 1, **listed, **fields}
    return OAuth2Client.at(keys.client(client_id), client_id=client_id, user_id=user.id, **values)


def _counters(user: User, size: int) -> list[Counter]:
    shards = [
        key for name in (keys.USERS, keys.TEAMS, keys.clients_of(user.id)) for key in counters.shards(name)
    ]
    return [Counter.at(key, amount=size // counters.SHARDS, version=1) for key in shards]


def main() -> None:
    """Measure on a table of a hundred of everything, and print."""
    with running() as endpoint, tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            STAGE="local",
            TABLE_NAME="grail-capacity",
            DYNAMODB_ENDPOINT=endpoint,
            SECRETS=f"file:{Path(folder) / 'secrets.json'}",
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",  # noqa: S106 - DynamoDB Local takes anything
        )
        import app  # noqa: PLC0415 - it reads the environment when it is imported

        create_table()
        costs = measure(fill(Client(InProcess(app.app)), SIZE))
    lines = [f"{name:30}{found.reads:8.1f}{found.writes:8.1f}" for name, found in costs.items()]
    sys.stdout.write("\n".join([f"{'operation':30}{'RCU':>8}{'WCU':>8}", *lines, ""]))


if __name__ == "__main__":
    main()
