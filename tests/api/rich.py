"""An account with something of every kind, made through the API, and what its items may name."""

from dataclasses import dataclass
from typing import Any

from chalicelib.teams.models import Team
from chalicelib.users.models import User
from tests.acting import add_member, create_team
from tests.api.code_tools import get_code, redeem
from tests.conftest import PASSWORD
from tests.http import Answer, Client, Transport
from tests.support import MakeUser, TokenFor, confirmed, dump_table, replace

USERS = "/api/v1/users"
SOURCE, AGENT = "203.0.113.77", "CanaryBrowser/1.0"
# What only the person's own items may hold, by what it is.
CANARIES = {
    "username": "canary-ada",
    "e-mail address": "canary-ada@test.example",
    "new e-mail address": "canary-new@test.example",
    "first name": "CanaryFirst",
    "middle name": "CanaryMiddle",
    "last name": "CanaryLast",
    "address": SOURCE,
    "user agent": AGENT,
    "name of a client": "CanaryPlanner",
    "redirect URI": "canary.test",
    "wrong password": "canary-wrong",
    "path of a redirect URI": "canary-callback",
}
# Counts of windows hold ids and addresses, and are gone after two of them.
PASSING = "tally"


@dataclass
class There:
    """Sends from the person's address, by the person's browser."""

    inner: Transport

    def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, source: str
    ) -> Answer:
        """Send."""
        return self.inner.send(method, path, {**headers, "User-Agent": AGENT}, body, SOURCE)

    def seen_as(self, source: str) -> str:
        """As the transport underneath."""
        return self.inner.seen_as(source)


def make_rich(api: Client, *, admin: User, user: User, make_user: MakeUser, token_for: TokenFor) -> User:
    """Make the account; the documentation client and the app have to be there.

    :param user: who is in a team with the account, and leads it, too.
    """
    fields = {"first_name": "CanaryFirst", "middle_name": "CanaryMiddle", "last_name": "CanaryLast"}
    ada = make_user("canary-ada", **fields)
    there, token = Client(There(api.transport)), token_for(ada)
    add_member(create_team("Engines", user.id, user.username), ada, is_leader=False)
    client = {"client_name": "CanaryPlanner", "redirect_uris": ["https://canary.test/canary-callback"]}
    succeed(there("POST", "/api/v1/auth/oauth2_clients", token=token, data=client))
    led = succeed(there("POST", "/api/v1/teams", token=token, data={"title": "Looms"}))["id"]
    another = {"user_id": user.id, "is_leader": True}
    succeed(there("POST", f"/api/v1/teams/{led}/members", token=token, data=another))
    sign_in(there, "canary-ada", "canary-wrong")
    succeed(redeem(there, get_code(there, "canary-ada", PASSWORD)))
    refresh_token = succeed(sign_in(there, "canary-ada", PASSWORD))["refresh_token"]
    form = {"grant_type": "refresh_token", "client_id": "documentation", "refresh_token": refresh_token}
    succeed(there("POST", "/auth/oauth2/token", form=form))
    changes = confirmed(PASSWORD, replace("/email", "canary-new@test.example"))
    succeed(there("PATCH", f"{USERS}/{ada.id}", token=token, data=changes))
    by_admin = confirmed(PASSWORD, replace("/is_regular_user", value=False))
    succeed(api("PATCH", f"{USERS}/{ada.id}", token=token_for(admin), data=by_admin))
    return ada


def sign_in(there: Client, username: str, password: str) -> Answer:
    """Try to sign in."""
    form = {"grant_type": "password", "client_id": "documentation", "username": username}
    return there("POST", "/auth/oauth2/token", form={**form, "password": password})


def succeed(answer: Answer) -> Any:
    """Return what a request that succeeded answers with."""
    assert answer.status < 300, answer.body
    return answer.json


def canaries_left() -> set[str]:
    """The canaries that are in the table, in any item but those that pass by themselves."""
    dumped = repr([item for item in dump_table() if item["kind"]["S"] != PASSING])
    return {name for name, text in CANARIES.items() if text in dumped}


def members_of(team: Team) -> int:
    """How many members a team says it has."""
    return int(Team.get(*team.key).member_count)
