"""How tests call generated resources, and what these refer to, under ids that are always the same."""

from typing import Any

from chalicelib.db import counters, keys
from chalicelib.db.table import T, get_many
from chalicelib.db.transaction import Transaction
from chalicelib.teams.models import Team
from chalicelib.users.models import User
from tests.acting import add_member, create_user
from tests.http import Answer, Client

FIRST, SECOND = "01BX5ZZKBKACTAV9WEVGEMMVRX", "01BX5ZZKBKACTAV9WEVGEMMVRY"
TEAM = "01BX5ZZKBKACTAV9WEVGEMMVRZ"  # that owns things
COMMON_TEAM = "01BX5ZZKBKACTAV9WEVGEMMVS0"  # of everybody


def put(item: T, *, counter: str) -> T:
    """Write an item, and count it, unless it is there; return it as it is there."""
    if item.key not in get_many([item.key]):
        work = Transaction()
        work.put(item)
        counters.add(work, counter, 1)
        work.commit()
    found = get_many([item.key])[item.key]
    assert isinstance(found, type(item))
    return found


def put_team(team_id: str) -> Team:
    """Write a team, unless it is there."""
    return put(Team.at(keys.team(team_id), id=team_id, title="Engines"), counter=keys.TEAMS)


def put_user(user_id: str) -> None:
    """Write a user, unless it is there."""
    name = user_id.lower()
    values = {"username": name, "email": f"{name}@test.example", "password_hash": ""}
    if keys.user(user_id) not in get_many([keys.user(user_id)]):
        create_user(User.at(keys.user(user_id), id=user_id, **values))


def join_team(user: User) -> None:
    """Make a user a member of the team that owns things."""
    add_member(put_team(TEAM), user, is_leader=False)


class Caller:
    """Calls a resource as one user."""

    def __init__(self, api: Client, path: str, token: str) -> None:
        self.api = api
        self.path = path
        self.token = token

    def __call__(self, method: str, place: str = "", /, **sent: Any) -> Answer:
        """Send a request to the list, or to a place below it."""
        return self.api(method, self.path + place, token=self.token, **sent)

    def pages(self, place: str) -> list[Answer]:
        """Get a list page by page, as Link leads."""
        found = list[Answer]()
        while place:
            found.append(self("GET", place))
            place = found[-1].headers.get("link", self.path).split(self.path)[1].split(">")[0]
        return found
