"""The main job, end to end: sign up, sign in, call, refresh, create a team, revoke."""

from collections.abc import Callable
from typing import Any

from chalicelib.users.models import User
from tests.http import Client


def test_a_new_user_signs_up_signs_in_and_leads_a_team(
    api: Client, sign_in: Callable[..., dict[str, Any]]
) -> None:
    """From an empty table to a team of one's own, with HTTP events only."""
    form = {"username": "ada", "email": "ada@test.example", "password": "analytical engine"}
    assert api("POST", "/api/v1/users", data={**form, "recaptcha_key": "secret_key"}).status == 201
    token = sign_in("ada", "analytical engine")["access_token"]
    created = api("POST", "/api/v1/teams", token=token, form={"title": "Engines"})
    assert created.status == 201
    team = api("GET", f"/api/v1/teams/{created.json['id']}", token=token)
    assert [member["user"]["username"] for member in team.json["members"]] == ["ada"]


def test_get_one_costs_one_round_trip(
    api: Client, user: User, token_for: Callable[..., str], round_trips: list[str]
) -> None:
    """Caller, denylist and item come in one BatchGetItem."""
    token = token_for(user)
    round_trips.clear()
    assert api("GET", "/api/v1/users/me", token=token).status == 200
    assert round_trips == ["BatchGetItem"]
