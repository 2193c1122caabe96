"""From signing up to signing out: `python example.py http://127.0.0.1:8000`, with `make run` going."""

import sys
import uuid
from typing import cast

from grail_client import (
    ApiClient,
    ApiException,
    Configuration,
    PatchOperation,
    Problem,
    SignUp,
    Team,
    TeamInput,
    TeamsApi,
    UsersApi,
)
from grail_client.oauth2 import OAuth2Client
from grail_client.pages import every


def sign_up_and_in(url: str) -> OAuth2Client:
    """Create an account, and get tokens for it."""
    name = f"ada-{uuid.uuid4().hex[:8]}"
    client = OAuth2Client(Configuration(host=url), client_id="documentation")
    account = SignUp(
        username=name,
        email=f"{name}@example.org",
        password="analytical engine",
        recaptcha_key="secret_key",  # what solves the captcha on a local stage
    )
    user = UsersApi(client).create_user(account)
    client.sign_in(user.username, "analytical engine")
    print(UsersApi(client).get_me().username, "is signed in")
    return client


def list_teams(client: OAuth2Client) -> None:
    """Read a list page by page."""
    teams = TeamsApi(client)
    for title in ("Explorers", "Inventors", "Pioneers"):
        teams.create_team(TeamInput(title=title))
    first = teams.list_teams_with_http_info(limit=2)
    print(len(first.data), "of", (first.headers or {})["X-Total-Count"], "teams")
    for team in every(teams.list_teams_with_http_info, limit=2):
        print("-", team.title)


def rename_team(client: OAuth2Client) -> None:
    """Rename a team, unless it has changed since it was read."""
    teams = TeamsApi(client)
    team_id = teams.create_team(TeamInput(title="Engines")).id
    version = (teams.get_team_with_http_info(team_id).headers or {})["ETag"]
    rename = PatchOperation(op="replace", path="/title", value="Difference engines")
    print(teams.patch_team(team_id, [rename], if_match=version).title)
    try:
        teams.patch_team(team_id, [rename], if_match=version)
    except ApiException as error:
        print(error.status, "- somebody was faster: read it again, and decide")


def explain_refusal(url: str) -> None:
    """Print what is wrong with the input."""
    account = SignUp(
        username="ada",
        email="ada@example.org",
        password="password123",
        recaptcha_key="secret_key",
    )
    try:
        UsersApi(ApiClient(Configuration(host=url))).create_user(account)
    except ApiException as error:
        problem = cast("Problem", error.data)
        print(problem.title, problem.type)
        for violation in problem.errors or []:
            print(violation.pointer, violation.detail)


def work_as_service(url: str) -> list[Team]:
    """Act for the owner of a client, without a user at the keyboard."""
    service = OAuth2Client(Configuration(host=url), "service", "development-secret", scopes=["teams:read"])
    service.sign_in_as_client()
    teams = TeamsApi(service)
    return [teams.get_team(team.id) for team in teams.list_teams(limit=2)]


def main(url: str) -> None:
    """Run all steps."""
    client = sign_up_and_in(url)
    list_teams(client)
    rename_team(client)
    explain_refusal(url)
    print(len(work_as_service(url)), "teams seen by the service")
    client.sign_out()
    print("signed out:", client.access_token() is None)


if __name__ == "__main__":
    main(sys.argv[1])
