"""The audit trail: each event is written in the transaction that it records."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.oauth.clients.models import PUBLIC_CLIENT, OAuth2Client
from chalicelib.users.models import User
from tests.api import audit_tools
from tests.api.audit_tools import SOURCE, Trail
from tests.api.code_tools import CALLBACK, get_code, redeem
from tests.api.oauth_tools import (
    REVOKE,
    TOKEN,
    at_call,
    database_down,
    families,
    let_pass,
    password,
    refresh,
)
from tests.conftest import PASSWORD, SECRET
from tests.http import Answer, Client
from tests.support import MakeClient, MakeUser, SignIn, TokenFor, confirmed, dump_table, items_naming
from tests.support import replace as replace_op

CLIENTS = "/api/v1/auth/oauth2_clients"
INTROSPECT = "/auth/oauth2/introspect"

trail = audit_tools.trail  # a fixture


def brief(event: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """What happened, how it ended, and what else there is to know."""
    return event["event"], event["outcome"], event["details"]


def who(event: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Who did it to whom, and by which client."""
    return event["actor_id"], event["user_id"], event["client_id"]


def test_an_event_tells_who_what_when_and_from_where(
    api: Client, user: User, documentation: OAuth2Client, trail: Trail
) -> None:
    """Who, what, when, from where, and the request's id."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    answer = password(api, "user", PASSWORD, source=SOURCE)
    (event,) = trail()
    assert (brief(event), who(event)) == (("sign_in", "success", {}), (user.id, user.id, "documentation"))
    assert (event["address"], event["request_id"]) == (
        api.transport.seen_as(SOURCE),
        answer.headers["x-request-id"],
    )
    assert before <= datetime.fromisoformat(event["time"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("username", "text", "reason"),
    [
        ("user", "wrong", "wrong password"),
        ("nobody", PASSWORD, "unknown user"),
        ("disabled", PASSWORD, "account is disabled"),
        ("disabled", "wrong", "wrong password"),
    ],
)
def test_a_failed_sign_in_is_told_with_its_reason(
    *,
    api: Client,
    make_user: MakeUser,
    documentation: OAuth2Client,
    trail: Trail,
    username: str,
    text: str,
    reason: str,
) -> None:
    """Admins see more than callers do; unknown names are not recorded."""
    ids = {name: make_user(name, is_active=name == "user").id for name in ("user", "disabled")}
    password(api, username, text, source=SOURCE)
    address = api.transport.seen_as(SOURCE)
    (event,) = trail()
    assert brief(event) == ("sign_in", "failure", {"reason": reason})
    assert (who(event), event["address"]) == ((None, ids.get(username), "documentation"), address)
    assert trail.names(user_id=ids["user"]) == (["sign_in"] if username == "user" else [])


@pytest.mark.parametrize(("client_id", "known"), [("service", True), ("nobody", False)])
def test_a_wrong_client_secret_is_told(
    *, api: Client, admin: User, service: OAuth2Client, trail: Trail, client_id: str, known: bool
) -> None:
    """Failed client authentication; an unknown client id is not recorded, since it is arbitrary text."""
    api("POST", TOKEN, form={"grant_type": "client_credentials"}, basic=(client_id, "wrong"))
    (event,) = trail()
    reason = "wrong secret" if known else "unknown client"
    assert brief(event) == ("client_authentication", "failure", {"reason": reason})
    assert who(event) == ((None, admin.id, "service") if known else (None, None, None))


def test_a_wrong_current_password_is_told(api: Client, user: User, token_for: TokenFor, trail: Trail) -> None:
    """A stolen access token that guesses leaves a trace."""
    api("PATCH", f"/api/v1/users/{user.id}", token=token_for(user), data=confirmed("wrong"))
    (event,) = trail()
    assert brief(event) == ("password_confirmation", "failure", {"reason": "wrong password"})
    assert who(event) == (user.id, user.id, "documentation")


def test_attempts_that_are_held_back_are_not_told(
    api: Client, user: User, documentation: OAuth2Client, trail: Trail
) -> None:
    """Attackers cannot fill the table: beyond the limit nothing is written."""
    for number in range(13):
        password(api, "user", f"wrong {number}")
    assert len(trail()) == 10


def test_reuse_of_a_refresh_token_is_told_once(
    api: Client, user: User, sign_in: SignIn, trail: Trail
) -> None:
    """Behaviour 21: the family ends once, however often the used token is presented."""
    token = sign_in()["refresh_token"]
    refresh(api, token)
    let_pass(token)
    for _ in range(3):
        refresh(api, token)
    events = trail()
    family = token.split(".")[1]
    assert [brief(event) for event in events[:-1]] == [("refresh_token_reuse", "failure", {"family": family})]
    assert who(events[0]) == (None, user.id, "documentation")


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_revocation_is_told_once(api: Client, user: User, sign_in: SignIn, trail: Trail, kind: str) -> None:
    """RFC 7009: revoking twice is one event; unknown tokens cause none."""
    tokens = sign_in()
    for text in (tokens[kind], tokens[kind], "unknown"):
        api("POST", REVOKE, form={"client_id": "documentation", "token": text})
    events = trail()
    assert [brief(event) for event in events[:-1]] == [("token_revocation", "success", {"token_type": kind})]
    assert who(events[0]) == (None, user.id, "documentation")


@pytest.fixture
def app_client(make_client: MakeClient, admin: User) -> OAuth2Client:
    """A public client for the code flow."""
    return make_client(
        "app",
        admin,
        client_type=PUBLIC_CLIENT,
        redirect_uris=[CALLBACK],
        grant_types=["authorization_code", "refresh_token"],
    )


def test_the_code_flow_is_told(
    api: Client, user: User, app_client: OAuth2Client, token_for: TokenFor, trail: Trail
) -> None:
    """Sign-in, consent with its scopes, the second use of a code, and the end of the consent."""
    code = get_code(api, "user", PASSWORD)
    assert [redeem(api, code).status for _ in range(3)] == [200, 400, 400]
    api("DELETE", "/api/v1/users/me/grants/app", token=token_for(user))
    events = trail()[::-1]
    assert [event["event"] for event in events] == [
        "sign_in",
        "authorization",
        "code_reuse",
        "consent_withdrawal",
    ]
    assert events[1]["details"] == {"scopes": ["teams:read", "users:read"]}
    assert who(events[1]) == (user.id, user.id, "app")
    assert (events[2]["outcome"], events[3]["details"]) == ("failure", {"client": "app"})
    assert events[2]["details"] == {"family": families(user)[0].family_id}
    assert {event["user_id"] for event in events} == {user.id}
    assert [event["client_id"] for event in events] == ["app"] * 3 + ["documentation"]


def test_a_refused_introspection_is_told(
    api: Client, admin: User, documentation: OAuth2Client, trail: Trail
) -> None:
    """RFC 7662: public clients may not ask."""
    assert api("POST", INTROSPECT, form={"client_id": "documentation", "token": "x"}).status == 401
    (event,) = trail()
    assert brief(event) == ("introspection", "failure", {"reason": "public client"})
    assert who(event) == (None, admin.id, "documentation")


def test_the_life_of_a_client_is_told(api: Client, user: User, token_for: TokenFor, trail: Trail) -> None:
    """Created, changed, its secret rotated, deleted; fields by name, never their values."""
    token = token_for(user)
    client_id = api("POST", CLIENTS, token=token, data={}).json["client_id"]
    path = f"{CLIENTS}/{client_id}"
    api("PATCH", path, token=token, data=[replace_op("/default_scopes", ["teams:read"])])
    api("POST", f"{path}/secret", token=token)
    api("DELETE", path, token=token)
    events = trail(user_id=user.id)[::-1]
    assert [event["event"] for event in events] == [
        "client_creation", "client_change", "client_secret_rotation", "client_deletion"
    ]  # fmt: skip
    assert {event["details"]["client"] for event in events} == {client_id}
    assert events[1]["details"]["fields"] == ["default_scopes"]
    assert {who(event) for event in events} == {(user.id, user.id, "documentation")}


def sign_up(api: Client, **more: Any) -> Answer:
    """Sign up as ada."""
    body = {"username": "ada", "email": "ada@test.example", "password": "analytical engine"}
    token = more.pop("token", None)
    return api("POST", "/api/v1/users", token=token, data={**body, "recaptcha_key": "secret_key", **more})


def test_new_users_are_told(api: Client, admin: User, trail: Trail) -> None:
    """A sign-up is recorded as the user's own act; a creation by an admin as the admin's, with roles."""
    made = sign_up(api).json["id"]
    other = {"username": "joan", "email": "joan@test.example", "is_admin": True, "current_password": PASSWORD}
    by_admin = sign_up(api, token=trail.token, **other).json["id"]
    second, first = trail()
    assert (brief(first), who(first)) == (("user_creation", "success", {}), (made, made, None))
    assert brief(second) == ("user_creation", "success", {"is_admin": True})
    assert who(second) == (admin.id, by_admin, "documentation")


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([replace_op("/password", "another fine password")], [("password_change", {})]),
        ([replace_op("/email", "new@test.example")], [("email_change", {})]),
        ([replace_op("/is_active", False)], [("account_disabling", {})]),
        ([replace_op("/is_admin", True)], [("role_change", {"is_admin": True})]),
        (
            [replace_op("/is_admin", True), replace_op("/is_regular_user", False)],
            [("role_change", {"is_admin": True, "is_regular_user": False})],
        ),
        (
            [replace_op("/password", "another fine password"), replace_op("/is_active", False)],
            [("account_disabling", {}), ("password_change", {})],
        ),
        ([replace_op("/first_name", "Ada")], []),
        ([replace_op("/is_admin", False)], []),
    ],
)
def test_changes_of_an_account_are_told(
    *,
    api: Client,
    admin: User,
    user: User,
    trail: Trail,
    operations: list[dict[str, Any]],
    expected: list[tuple[str, dict[str, Any]]],
) -> None:
    """Changes of password, address, roles and is_active are events; a patch without effect is not."""
    patch = confirmed(PASSWORD, *operations)
    assert api("PATCH", f"/api/v1/users/{user.id}", token=trail.token, data=patch).status == 200
    events = trail()
    assert sorted((event["event"], event["details"]) for event in events) == expected
    assert {who(event) for event in events} <= {(admin.id, user.id, "documentation")}


def test_an_enabled_account_is_told(api: Client, make_user: MakeUser, trail: Trail) -> None:
    """The way back is an event, too."""
    disabled = make_user("disabled", is_active=False)
    patch = confirmed(PASSWORD, replace_op("/is_active", True))
    api("PATCH", f"/api/v1/users/{disabled.id}", token=trail.token, data=patch)
    assert trail.names() == ["account_enabling"]


def test_what_one_account_does_to_another_is_in_both_listings(
    api: Client, admin: User, user: User, trail: Trail
) -> None:
    """Filter by user: what they did, and what was done to them; the listing of all has each event once."""
    patch = confirmed(PASSWORD, replace_op("/is_admin", True))
    api("PATCH", f"/api/v1/users/{user.id}", token=trail.token, data=patch)
    listings = [trail(), trail(user_id=user.id), trail(user_id=admin.id)]
    assert [len(found) for found in listings] == [1, 1, 1]
    assert listings[0] == listings[1] == listings[2]


def test_what_is_refused_is_no_event(api: Client, admin: User, user: User, trail: Trail) -> None:
    """An event is written in the transaction that it records, or not at all."""
    path = f"/api/v1/users/{admin.id}"
    taken = confirmed(PASSWORD, replace_op("/email", user.email))
    last = confirmed(PASSWORD, replace_op("/is_admin", False))
    found = [api("PATCH", path, token=trail.token, data=patch).status for patch in (taken, last)]
    found.append(sign_up(api, username="user").status)
    assert (found, trail()) == ([409, 409, 409], [])


def test_what_nobody_could_write_did_not_happen(
    api: Client, user: User, documentation: OAuth2Client, trail: Trail
) -> None:
    """Behaviour 57: no sign-in without its event."""
    with database_down():
        assert password(api, "user", PASSWORD).status == 503
    assert trail() == []


def test_an_event_costs_no_round_trip(
    api: Client, user: User, documentation: OAuth2Client, round_trips: list[str]
) -> None:
    """The event is part of the write that is needed anyway."""
    round_trips.clear()
    password(api, "user", PASSWORD)
    password(api, "user", "wrong")
    assert round_trips == ["BatchGetItem", "BatchGetItem", "TransactWriteItems"] * 2


def test_events_are_not_touched_again(
    api: Client, user: User, documentation: OAuth2Client, trail: Trail
) -> None:
    """Append-only: later changes leave events as they were written."""

    def kept() -> list[dict[str, Any]]:
        return [item for item in dump_table() if item["kind"]["S"] == "audit_event"]

    password(api, "user", PASSWORD)
    before = kept()
    api("PATCH", f"/api/v1/users/{user.id}", token=trail.token, data=confirmed("wrong"))
    tokens = password(api, "user", PASSWORD).json
    refresh(api, tokens["refresh_token"])
    let_pass(tokens["refresh_token"])
    refresh(api, tokens["refresh_token"])
    trail()
    later = kept()
    assert (len(before), [item for item in later if item in before]) == (1, before)
    assert len(later) > 3


def test_a_race_writes_one_event(api: Client, user: User, trail: Trail, token_for: TokenFor) -> None:
    """A write that is retried after a conflict has one event."""
    path, patch = f"/api/v1/users/{user.id}", confirmed(PASSWORD, replace_op("/email", "new@test.example"))
    token = token_for(user)
    rename = partial(api, "PATCH", path, token=token, data=[replace_op("/last_name", "Byron")])
    with at_call("TransactWriteItems", rename):
        assert api("PATCH", path, token=token, data=patch).status == 200
    assert trail.names() == ["email_change"]


CANARY = "canary-5f0c-password"


def test_no_secret_is_in_the_trail(
    *,
    api: Client,
    admin: User,
    service: OAuth2Client,
    app_client: OAuth2Client,
    documentation: OAuth2Client,
    trail: Trail,
) -> None:
    """Behaviour 56: a canary password, token, code and secret are in no event, and in no item."""
    sign_up(api, password=CANARY)
    tokens = password(api, "ada", CANARY).json
    fresh = refresh(api, tokens["refresh_token"]).json
    refresh(api, tokens["refresh_token"])
    code = get_code(api, "ada", CANARY)
    by_code = redeem(api, code).json
    redeem(api, code)
    made = api("POST", CLIENTS, token=by_code["access_token"], data={}).json
    made |= {"client_secret": api("POST", CLIENTS, token=trail.token, data={}).json["client_secret"]}
    rotated = api("POST", f"{CLIENTS}/service/secret", token=trail.token).json["client_secret"]
    with database_down():
        password(api, "ada", CANARY)
    # people type passwords into the wrong field, and ids of clients may be anything
    password(api, CANARY, "x")
    password(api, "ada", f"{CANARY}-wrong")
    api("POST", TOKEN, form={"grant_type": "client_credentials"}, basic=(f"{CANARY}-id", f"{CANARY}-secret"))
    api("POST", TOKEN, form={"grant_type": "client_credentials"}, basic=("service", f"{CANARY}-secret"))
    patch = confirmed(f"{CANARY}-guess", replace_op("/email", "x@test.example"))
    api("PATCH", f"/api/v1/users/{admin.id}", token=trail.token, data=patch)
    api("POST", REVOKE, form={"client_id": "app", "token": by_code["refresh_token"]})
    secrets = [CANARY, SECRET, trail.token, code, rotated, made["client_secret"]]
    secrets += [pair[kind] for pair in (tokens, fresh, by_code) for kind in ("access_token", "refresh_token")]
    secrets += [text.rpartition(".")[2] for text in secrets if text.count(".")]
    places = {"events": repr(trail(limit=100)), "table": repr(dump_table())}
    assert len(trail(limit=100)) >= 12
    assert [(place, text) for place, found in places.items() for text in secrets if text in found] == []


def test_unknown_names_are_not_kept(api: Client, documentation: OAuth2Client, trail: Trail) -> None:
    """What a stranger typed is in no item, whatever its size."""
    for name in (CANARY, CANARY * 100, "\u0000" + CANARY, f"AUDIT#{CANARY}"):
        password(api, name, "x")
    assert [event["details"] for event in trail()] == [{"reason": "unknown user"}] * 4
    assert items_naming(CANARY) == []
