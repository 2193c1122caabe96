"""A table with one of everything, and the tools to damage it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.db import keys
from chalicelib.db.counters import Counter
from chalicelib.db.keys import Key
from chalicelib.db.table import Item, connection, get_many
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.teams.models import Team
from chalicelib.users.models import User
from tasks.data.check import check
from tests.acting import add_member, create_team
from tests.api.code_tools import Browser, query_of
from tests.api.oauth_tools import families, refresh
from tests.conftest import PASSWORD
from tests.http import Client
from tests.support import MakeUser, SignIn

GHOST = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@dataclass
class Scene:
    """Users, clients, teams, consents and tokens as the API makes them."""

    api: Client
    admin: User
    user: User
    app: OAuth2Client
    team: Team
    tokens: dict[str, Any]
    said: list[str] = field(default_factory=list)

    def check(self, *, fix: bool = False) -> bool:
        """Check the table, and keep the output."""
        self.said.clear()
        return check(fix=fix, say=self.said.append)

    @property
    def family(self) -> Key:
        """Key of the user's family."""
        return families(self.user)[0].key


def make_scene(api: Client, make_user: MakeUser, admin: User, app: OAuth2Client, sign_in: SignIn) -> Scene:
    """Make one of everything."""
    user, member = make_user("user"), make_user("member")
    tokens = sign_in()
    refresh(api, tokens["refresh_token"])
    browser = Browser(api)
    browser.open(**query_of())
    browser.submit("sign_in", username="user", password=PASSWORD)
    browser.submit("allow")
    team = create_team("Engines", user.id, user.username)
    add_member(team, member, is_leader=False)
    return Scene(api, admin, user, app, team, tokens)


def copied(source: Key, to: Key, **values: str) -> None:
    """Put a copy of an item elsewhere, with other texts in it."""
    raw = get_many([source])[source].serialize()
    client().put_item(
        TableName=Item.Meta.table_name,
        Item={**raw, "pk": {"S": to.pk}, "sk": {"S": to.sk}, **{k: {"S": v} for k, v in values.items()}},
    )


def deleted(*gone: Key) -> None:
    """Take items away."""
    for key in gone:
        client().delete_item(TableName=Item.Meta.table_name, Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}})


def changed(key: Key, name: str, value: dict[str, Any] | None) -> None:
    """Change one attribute of an item, or take it away, past all code."""
    arguments: dict[str, Any] = {"UpdateExpression": "REMOVE #name"}
    if value is not None:
        arguments = {"UpdateExpression": "SET #name = :value", "ExpressionAttributeValues": {":value": value}}
    client().update_item(
        TableName=Item.Meta.table_name,
        Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}},
        ExpressionAttributeNames={"#name": name},
        **arguments,
    )


def says(shard: Key, amount: int) -> None:
    """Overwrite the value of a counter's shard."""
    item = Counter.at(shard, amount=amount, version=1).serialize()
    client().put_item(TableName=Item.Meta.table_name, Item=item)


def client() -> Any:
    """The client underneath."""
    return connection().connection.client


def username(user: User) -> Key:
    """Key of the marker of a user's name."""
    return keys.username(user.username)


def email(user: User) -> Key:
    """Key of the marker of a user's e-mail address."""
    return keys.email(user.email)


Damage = Callable[[Scene], object]
