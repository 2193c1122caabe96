"""`make run` and its data: stopped, started again, killed."""

import time

import pytest

from tests.e2e.stack import Stack

TEAMS = "/api/v1/teams"
MOST_LOST_SECONDS = 2.0


def refresh(stack: Stack, token: str) -> int:
    """Use a refresh token, and return the status."""
    form = {"grant_type": "refresh_token", "client_id": "documentation", "refresh_token": token}
    return stack.api("POST", "/auth/oauth2/token", form=form).status


def create_team(stack: Stack, token: str) -> str:
    """Create a team and return its id."""
    answer = stack.api("POST", TEAMS, token=token, data={"title": "Engines"})
    assert answer.status == 201
    team: str = answer.json["id"]
    return team


def team_ids(stack: Stack, token: str) -> list[str]:
    """Read the list of teams to its end; the count that comes with it has to be right."""
    path, found, total = f"{TEAMS}?limit=100", [], 0
    while path:
        answer = stack.api("GET", path.removeprefix(stack.url), token=token)
        found += [team["id"] for team in answer.json]
        total = int(answer.headers["x-total-count"])
        path = answer.headers.get("link", "<>").split(">")[0][1:]
    assert len(found) == total
    return found


@pytest.mark.slow
def test_data_and_tokens_survive_a_restart(own_stack: Stack) -> None:
    """What was written before Ctrl-C is there afterwards: teams, tokens and revocations."""
    tokens, revoked = own_stack.token("user", "w").json, own_stack.token("user", "w").json
    own_stack.api(
        "POST",
        "/auth/oauth2/revoke",
        form={"client_id": "documentation", "token": revoked["access_token"]},
    )
    team = create_team(own_stack, tokens["access_token"])
    assert own_stack.stop() == 0
    assert not own_stack.listens()
    own_stack.start()
    assert team_ids(own_stack, tokens["access_token"]) == [team]
    assert own_stack.api("GET", TEAMS, token=revoked["access_token"]).status == 401
    assert refresh(own_stack, tokens["refresh_token"]) == 200


@pytest.mark.slow
def test_a_second_start_installs_nothing(own_stack: Stack) -> None:
    """What the first one installed is used again; how long a start took stands in the banner."""
    own_stack.stop()
    own_stack.start()
    log = (own_stack.folder / "run.log").read_text()
    assert ("Installing" in log, "Ready after " in log) == (False, True)


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["engine", "run"])
def test_a_kill_loses_two_seconds_at_the_most(victim: str, own_stack: Stack) -> None:
    """After `kill -9` in the middle of writing, all that was answered 2 s before is there."""
    token = own_stack.token("user", "w").json["access_token"]
    written: list[tuple[float, str]] = []
    started = time.monotonic()
    while time.monotonic() < started + 2 * MOST_LOST_SECONDS:
        team = create_team(own_stack, token)
        written.append((time.monotonic(), team))
    killed = time.monotonic()
    if victim == "engine":
        assert own_stack.kill_engine() != 0
    else:
        own_stack.kill()
    assert own_stack.wait_until_silent()
    own_stack.start()
    safe = [team for moment, team in written if moment < killed - MOST_LOST_SECONDS]
    kept = team_ids(own_stack, token)
    assert safe
    assert kept[: len(safe)] == safe
    assert kept == [team for _, team in written][: len(kept)]


@pytest.mark.slow
def test_a_second_run_in_the_same_folder_is_refused(own_stack: Stack) -> None:
    """Two runs would write over each other's data."""
    second = Stack(own_stack.folder)
    with pytest.raises(RuntimeError, match="already serves this folder"):
        second.start()
    assert own_stack.token("user", "w").status == 200
