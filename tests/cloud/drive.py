"""What clients of a stage do in a minute: enough to need every permission that the API has."""

from tests.cloud.stage import Stage
from tests.http import Answer, Client
from tests.support import confirmed, replace

TEAMS, USERS = "/api/v1/teams", "/api/v1/users"
PATCH = {"Content-Type": "application/json-patch+json"}


class UnexpectedError(Exception):
    """An answer was not the one that it must be."""


def expect(status: int, answer: Answer) -> Answer:
    """Demand a status."""
    if answer.status != status:
        raise UnexpectedError(f"{answer.status} instead of {status}: {answer.body!r}")
    return answer


def drive(stage: Stage) -> None:
    """Sign in, read, list, write, delete, refresh, revoke.

    :raises UnexpectedError: something is refused, or fails.
    """
    tokens = expect(200, stage.sign_in()).json
    api, token = stage.api, tokens["access_token"]
    me = expect(200, api("GET", f"{USERS}/me", token=token)).json
    expect(200, api("GET", USERS, token=token))
    other = _sign_up(api, token)
    _work_on_team(api, token, other)
    changed = confirmed("q", replace("/email", "root@grail.test"))
    expect(200, api("PATCH", f"{USERS}/{me['id']}", token=token, data=changed, headers=PATCH))
    changed = confirmed("q", replace("/email", "root@localhost.localdomain"))
    expect(200, api("PATCH", f"{USERS}/{me['id']}", token=token, data=changed, headers=PATCH))
    form = {"client_id": "documentation", "grant_type": "refresh_token"}
    token_endpoint = "/auth/oauth2/token"  # a path
    tokens = expect(
        200, api("POST", token_endpoint, form={**form, "refresh_token": tokens["refresh_token"]})
    ).json
    expect(400, api("POST", token_endpoint, form={**form, "refresh_token": "unknown"}))
    form = {"client_id": "documentation", "token": tokens["access_token"]}
    expect(200, api("POST", "/auth/oauth2/revoke", form=form))
    expect(401, api("GET", f"{USERS}/me", token=tokens["access_token"]))


def _sign_up(api: Client, token: str) -> str:
    found = {each["username"]: each["id"] for each in api("GET", USERS, token=token).json}
    if "ada" not in found:
        data = {"username": "ada", "email": "ada@grail.test", "password": "analytical engine"}
        return str(expect(201, api("POST", USERS, token=token, data=data)).json["id"])
    return str(found["ada"])


def _work_on_team(api: Client, token: str, member: str) -> None:
    team = expect(201, api("POST", TEAMS, token=token, data={"title": "Explorers"})).json["id"]
    expect(201, api("POST", f"{TEAMS}/{team}/members", token=token, data={"user_id": member}))
    expect(200, api("GET", f"{TEAMS}/{team}", token=token))
    titled = [replace("/title", "Pioneers")]
    expect(200, api("PATCH", f"{TEAMS}/{team}", token=token, data=titled, headers=PATCH))
    expect(204, api("DELETE", f"{TEAMS}/{team}", token=token))
