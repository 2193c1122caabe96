"""The table that costs are measured on: any number of users, teams and clients."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from chalicelib.db import counters, keys
from chalicelib.db.companions import entries_of
from chalicelib.db.counters import Counter
from chalicelib.db.table import Item
from chalicelib.db.unique import UniqueName
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.secrets import hash_secret
from chalicelib.scopes import SCOPES
from chalicelib.security.passwords import hash_password
from chalicelib.teams.models import Team, new_member
from chalicelib.users.models import User, new_user
from tests.api.code_tools import CALLBACK, Browser
from tests.http import Answer, Client

PASSWORD = "correct horse battery"  # noqa: S105 - of users that live as long as the measurement
SECRET = "correct horse battery staple"  # noqa: S105 - the same
TOKEN = "/auth/oauth2/token"  # noqa: S105 - a path
DOCUMENTATION, SERVICE = "documentation", "service"


@dataclass
class Data:
    """What the operations are called on.

    :param ids: what stands for the parameters of paths.
    :param tokens: those of the admin who calls.
    :param spare: a refresh token that nothing else uses.
    :param code: an authorization code, once there is one.
    """

    client: Client
    ids: dict[str, str]
    tokens: dict[str, str]
    spare: str = ""
    code: str = ""
    browser: Browser = field(init=False)

    def __post_init__(self) -> None:
        self.browser = Browser(self.client)

    def __call__(self, method: str, path: str, data: Any = None) -> Answer:
        """Call as an admin."""
        named = path.format(**self.ids)
        return self.client(method, named, token=self.tokens["access_token"], data=data)

    def grant(self, **fields: str) -> Answer:
        """Ask the token endpoint as a public client, and keep the tokens."""
        answer = self.client("POST", TOKEN, form={"client_id": DOCUMENTATION, **fields})
        self.tokens = answer.json if answer.status == 200 else self.tokens
        return answer

    def as_service(self, path: str, **fields: str) -> Answer:
        """Ask an OAuth2 endpoint as a confidential client."""
        return self.client("POST", path, basic=(SERVICE, SECRET), form=fields)


def fill(client: Client, size: int) -> Data:
    """Make users, teams and clients in an empty table, as many of each.

    Everybody is in the first team, but for the first user, who is in all the others.

    Names are equally long whatever the size: what is compared is the number of items.
    """
    users = [_user(number) for number in range(size)]
    root, teams = users[0], [_team(size) for _ in range(size)]
    clients = [_client(root, f"client{number:06}") for number in range(size)]
    clients += _signing_in(root)
    with Item.batch_write() as batch:
        found = (entry for team in teams for entry in entries_of(team))
        names = [UniqueName.of(root, key, version=1) for key in root.unique().values()]
        for item in (*users, *teams, *found, *clients, *names, *_counters(root, size)):
            batch.save(item)
        for number, user in enumerate(users):
            # the first is not a member yet
            if number:
                batch.save(new_member(teams[0].id, user.id, user.username, is_leader=number < 3))
                batch.save(new_member(teams[number].id, root.id, root.username, is_leader=False))
    ids = {"user_id": users[1].id, "team_id": teams[0].id, "client_id": clients[0].client_id}
    data = Data(client, {**ids, "root": root.id}, {})
    data.grant(grant_type="password", username=root.username, password=PASSWORD)
    data.spare = data.tokens["refresh_token"]
    return data


def _signing_in(owner: User) -> list[OAuth2Client]:
    grants = ["password", "refresh_token", "authorization_code"]
    return [
        _client(owner, DOCUMENTATION, client_type="public", grant_types=grants, redirect_uris=[CALLBACK]),
        _client(owner, SERVICE, grant_types=["client_credentials"], secret_hash=hash_secret(SECRET)),
    ]


@cache
def _password_hash() -> str:
    return hash_password(PASSWORD)


def _user(number: int) -> User:
    name = f"user{number:06}"
    email = f"{name}@test.example"
    return new_user(
        username=name, email=email, password_hash=_password_hash(), is_admin=number == 0, version=1
    )


def _team(members: int) -> Team:
    team_id, counts = keys.new_id(), {"member_count": members - 1, "leader_count": 2, "version": 1}
    return Team.at(keys.team(team_id), id=team_id, title="Engines", **counts)


def _client(user: User, client_id: str, **fields: Any) -> OAuth2Client:
    values = {"default_scopes": sorted(SCOPES), "version": 1, **fields}
    return OAuth2Client.at(keys.client(client_id), client_id=client_id, user_id=user.id, **values)


def _counters(user: User, size: int) -> list[Counter]:
    names = (keys.USERS, keys.TEAMS, keys.clients_of(user.id))
    found = [Counter.at(keys.counter(name), amount=size, version=1) for name in names]
    return [*found, Counter.at(keys.counter(counters.MIGRATED), in_use={0}, version=1)]
