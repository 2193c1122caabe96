"""OAuth2 clients that operators make, rotate and revoke: seen through the API afterwards."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from invoke.context import Context
from invoke.exceptions import Exit

from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.clients.schemas import MAX_OVERLAP
from chalicelib.users.models import User
from tasks.commands import clients
from tests.api.code_tools import CALLBACK
from tests.conftest import PASSWORD, SECRET
from tests.http import Answer, Client
from tests.support import MakeClient, TokenFor, dump_table
from tests.tasks.operators import refused

pytestmark = pytest.mark.usefixtures("on_moto")


def create(capsys: pytest.CaptureFixture[str], owner: str = "user", **options: Any) -> dict[str, Any]:
    """Register a client, and return what the task shows."""
    clients.create(Context(), owner, json=True, **options)
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    return shown


def token(api: Client, client_id: str, secret: str) -> Answer:
    """Ask for a token as a service does."""
    return api(
        "POST", "/auth/oauth2/token", form={"grant_type": "client_credentials"}, basic=(client_id, secret)
    )


def me(api: Client, access_token: str) -> Answer:
    """Return the account that a token acts for."""
    return api("GET", "/api/v1/users/me", token=access_token)


def test_the_secret_that_is_shown_works(api: Client, user: User, capsys: pytest.CaptureFixture[str]) -> None:
    """A service gets a token by it, for the owner; no other line has it, nor has the table."""
    clients.create(Context(), "user", scope=["users:read"])
    first, second = capsys.readouterr().out.splitlines()
    client_id, secret = (
        first.removeprefix("Registered: "),
        second.removeprefix("Its secret, shown only once: "),
    )
    answer = token(api, client_id, secret)
    assert (answer.status, answer.json["scope"]) == (200, "users:read")
    assert me(api, answer.json["access_token"]).json["id"] == user.id
    assert secret not in repr(dump_table())


def test_an_app_of_ones_own_signs_in_by_password(
    api: Client, user: User, capsys: pytest.CaptureFixture[str]
) -> None:
    """Operators may give the password grant; it works while an active admin owns the client."""
    user.update([User.is_admin.set(True)])
    made = create(capsys, type="public", grant=["password", "refresh_token"], scope=["users:read"])
    assert made["client_secret"] is None
    form = {"grant_type": "password", "client_id": made["client_id"], "username": "user"}
    assert api("POST", "/auth/oauth2/token", form={**form, "password": PASSWORD}).status == 200


def test_the_owner_meets_the_client_in_the_api(
    api: Client, user: User, token_for: TokenFor, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is listed and counted as one that was registered over the API."""
    made = create(capsys, name="Planner", redirect_uri=[CALLBACK], scope=["teams:read"])
    answer = api("GET", f"/api/v1/auth/oauth2_clients?user_id={user.id}", token=token_for(user))
    del made["client_secret"]
    assert answer.json == [made]
    assert answer.headers["x-total-count"] == "1"
    assert made["grant_types"] == ["authorization_code", "refresh_token"]


WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "values": (
        {"type": "secret", "grant": ["magic"], "redirect_uri": ["http://example.org"], "scope": ["all"]},
        ["--grant: Must be one of", "--redirect-uri: Must be an", "--scope: Must be one of", "--type: Must"],
    ),
    "no callback": ({"grant": ["authorization_code"]}, ["--redirect-uri: authorization_code needs"]),
    "no secret": (
        {"type": "public", "grant": ["client_credentials"]},
        ["--grant: A public client has no secret"],
    ),
}


@pytest.mark.parametrize("flaw", WRONG)
def test_what_is_wrong_is_told_in_a_line_each(user: User, flaw: str) -> None:
    """By the option's name; nothing is written."""
    options, lines = WRONG[flaw]
    before = dump_table()
    with pytest.raises(Exit) as told:
        clients.create(Context(), "user", **options)
    found = sorted(str(told.value.message).splitlines())
    assert (told.value.code, len(found)) == (2, len(lines))
    assert all(line.startswith(words) for line, words in zip(found, lines, strict=True))
    assert dump_table() == before


def test_an_unknown_owner_is_one_line(user: User) -> None:
    """One clear line."""
    refused("There is no user", clients.create, "nobody")


def test_the_secret_before_is_good_for_a_day(
    api: Client, service: OAuth2Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """Services have time to change over; the task prints until when."""
    clients.rotate(Context(), "service")
    lines = capsys.readouterr().out.splitlines()
    fresh = lines[1].removeprefix("Its secret, shown only once: ")
    assert [token(api, "service", secret).status for secret in (fresh, SECRET)] == [200, 200]
    until = time.strptime(lines[2], "The previous secret is valid until %Y-%m-%d %H:%M:%S UTC.")
    left = time.mktime(until) - time.mktime(time.gmtime()) - MAX_OVERLAP
    assert abs(left) < 10
    OAuth2Client.get(*service.key).update([OAuth2Client.previous_secret_until.set(int(time.time()))])
    assert [token(api, "service", secret).status for secret in (fresh, SECRET)] == [200, 401]


def test_a_leaked_secret_ends_at_once(
    api: Client, service: OAuth2Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """--overlap 0 ends the old secret at once, and says so."""
    clients.rotate(Context(), "service", overlap="0")
    lines = capsys.readouterr().out.splitlines()
    fresh = lines[1].removeprefix("Its secret, shown only once: ")
    assert lines[2:] == ["The previous secret is no longer valid."]
    assert [token(api, "service", secret).status for secret in (fresh, SECRET)] == [200, 401]


@pytest.mark.parametrize("overlap", ["-1", str(MAX_OVERLAP + 1)])
def test_an_overlap_that_cannot_be_is_one_line(service: OAuth2Client, overlap: str) -> None:
    """As with the API: from 0 to a day."""
    refused("--overlap ", clients.rotate, "service", overlap=overlap)


def test_a_public_client_has_no_secret_to_rotate(documentation: OAuth2Client) -> None:
    """One clear line."""
    refused("A public client has no secret.", clients.rotate, "documentation")


def test_a_revoked_client_is_gone_with_its_tokens(
    api: Client, service: OAuth2Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """No new token, and those that there were end at once."""
    access_token = token(api, "service", SECRET).json["access_token"]
    clients.revoke(Context(), "service")
    assert "All of its tokens have ended." in capsys.readouterr().out
    assert me(api, access_token).status == 401
    assert token(api, "service", SECRET).status == 401


def test_a_suspended_client_is_refused_until_it_is_resumed(
    api: Client, service: OAuth2Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """It gets no token, and those that it has are refused; the list marks it."""
    access_token = token(api, "service", SECRET).json["access_token"]
    statuses = []
    for task in (clients.suspend, clients.suspend, clients.resume, clients.resume):
        task(Context(), "service")
        statuses.append((token(api, "service", SECRET).status, me(api, access_token).status))
        clients.list_clients(Context())
    assert statuses == [(400, 401), (400, 401), (200, 200), (200, 200)]
    line = "service                            confidential  admin  client_credentials"
    assert capsys.readouterr().out.splitlines() == [
        "service is suspended. Its tokens are refused until it is resumed.",
        f"{line}  (suspended)",
        "1 clients.",
        "service is suspended already.",
        f"{line}  (suspended)",
        "1 clients.",
        "service is active.",
        line,
        "1 clients.",
        "service is active already.",
        line,
        "1 clients.",
    ]


@pytest.mark.parametrize("task", [clients.rotate, clients.suspend, clients.resume, clients.revoke])
@pytest.mark.parametrize("client_id", ["unknown", "No Client"])
def test_an_unknown_client_is_one_line(table: None, task: Callable[..., Any], client_id: str) -> None:
    """One clear line."""
    refused(f"There is no client {client_id}: clients.list shows them.", task, client_id)


def test_clients_are_listed_with_their_owners(
    admin: User,
    user: User,
    service: OAuth2Client,
    make_client: MakeClient,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Everybody's, or one owner's."""
    make_client("planner", user, client_name="Planner", grant_types=[])
    clients.list_clients(Context())
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["planner", "confidential", "user", "no", "grant", "Planner"],
        ["service", "confidential", "admin", "client_credentials"],
        ["2", "clients."],
    ]
    clients.list_clients(Context(), owner="user@test.example", json=True)
    assert [client["client_id"] for client in json.loads(capsys.readouterr().out)] == ["planner"]


def test_tasks_are_in_the_audit_trail(
    api: Client, admin: User, user: User, token_for: TokenFor, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an operator did to a client is in its owner's listing."""
    client_id = create(capsys)["client_id"]
    clients.rotate(Context(), client_id)
    clients.suspend(Context(), client_id)
    clients.resume(Context(), client_id)
    clients.revoke(Context(), client_id)
    events = api("GET", f"/api/v1/audit?user_id={user.id}", token=token_for(admin)).json
    assert [(event["event"], event["request_id"]) for event in reversed(events)] == [
        ("client_creation", "invoke clients.create"),
        ("client_secret_rotation", "invoke clients.rotate"),
        ("client_change", "invoke clients.suspend"),
        ("client_change", "invoke clients.resume"),
        ("client_deletion", "invoke clients.revoke"),
    ]
    assert {(event["actor_id"], event["address"], event["details"]["client"]) for event in events} == {
        (None, "none", client_id)
    }
