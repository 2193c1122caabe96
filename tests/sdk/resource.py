"""What a client does with a resource that `module.create` made: `python resource.py URL`."""

import sys
import uuid
from collections.abc import Callable
from typing import Any

from grail_client import (
    ApiException,
    Configuration,
    ExhibitInput,
    ExhibitsApi,
    TeamInput,
    TeamsApi,
    UsersApi,
)
from grail_client.oauth2 import OAuth2Client


def signed_in(url: str, name: str, password: str) -> OAuth2Client:
    """Sign in as somebody of the development data."""
    client = OAuth2Client(Configuration(host=url), "documentation")
    client.sign_in(name, password)
    return client


def refusal(call: Callable[..., Any], *arguments: Any) -> tuple[int, str | None]:
    """Expect a refusal, and return its status with what it points to."""
    try:
        call(*arguments)
    except ApiException as error:
        errors = error.data.errors or [None]
        return int(error.status or 0), getattr(errors[0], "pointer", None)
    raise AssertionError("a refusal was expected")


def main(url: str) -> None:
    """Create, find, be refused, and delete."""
    client = signed_in(url, "user", "w")
    teams, exhibits = TeamsApi(client), ExhibitsApi(client)
    user_id, team_id = UsersApi(client).get_me().id, teams.create_team(TeamInput(title="Museum")).id
    name = f"Engine {uuid.uuid4().hex}"
    shown = exhibits.create_exhibit(
        ExhibitInput(team_id=team_id, name=name, status="shown", curator_id=user_id)
    )
    stored = exhibits.create_exhibit(ExhibitInput(team_id=team_id, name=f"{name} 2", status="stored"))
    taken = ExhibitInput(team_id=team_id, name=name.upper())
    assert refusal(exhibits.create_exhibit, taken) == (409, "/name")
    lost = ExhibitInput(team_id=team_id, name=f"{name} 3", curator_id=team_id)
    assert refusal(exhibits.create_exhibit, lost) == (422, "/curator_id")
    assert [each.id for each in exhibits.list_exhibits_of_team(team_id)] == [shown.id, stored.id]
    assert refusal(exhibits.list_exhibits_of_user, user_id) == (403, None)
    admins = ExhibitsApi(signed_in(url, "root", "q"))
    assert shown.id in {each.id for each in admins.list_exhibits_of_user(user_id, limit=100)}
    found = {each.id for each in admins.list_exhibits(status="stored")}
    assert found >= {stored.id}
    assert shown.id not in found
    teams.delete_team(team_id)
    assert refusal(exhibits.get_exhibit, shown.id) == (404, None)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(sys.argv[1])
