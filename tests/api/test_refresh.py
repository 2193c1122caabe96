"""Refresh tokens: one use each, in families that end as a whole."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import app as application
from chalicelib.db.table import get_many
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.tokens.families import parse_refresh_token
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.settings import Settings
from chalicelib.users.models import User
from tests.acting import change_user
from tests.api.oauth_tools import (
    TIMEOUT,
    TOKEN,
    UNREACHABLE,
    at_call,
    error_of,
    families,
    fault,
    let_pass,
    me,
    password,
    refresh,
)
from tests.conftest import PASSWORD, SECRET
from tests.http import Client

INVALID = (400, "invalid_grant")
Tokens = dict[str, str]
SignIn = Callable[..., Tokens]


@pytest.fixture
def tokens(user: User, sign_in: SignIn) -> Tokens:
    """What the user signed in with."""
    return sign_in()


def family_of(user: User) -> TokenFamily:
    """Read the user's only family."""
    (family,) = families(user)
    return family


def is_live(api: Client, token: str) -> bool:
    """Whether a refresh token still works; this uses it up."""
    return refresh(api, token).status == 200


def test_each_use_gives_another_token(api: Client, tokens: Tokens) -> None:
    """Behaviour 20: tokens follow each other, and each next one works."""
    seen = [tokens["refresh_token"]]
    for _ in range(3):
        seen.append(refresh(api, seen[-1]).json["refresh_token"])
    assert len(set(seen)) == 4


def test_a_used_token_is_refused(api: Client, tokens: Tokens) -> None:
    """Behaviour 20: the old token is an invalid grant, once the grace is over."""
    refresh(api, tokens["refresh_token"])
    let_pass(tokens["refresh_token"])
    assert error_of(refresh(api, tokens["refresh_token"])) == INVALID


def test_a_refreshed_pair_works(api: Client, tokens: Tokens) -> None:
    """Behaviour 4, 20: the answer has all its parts, and the access token before stays good."""
    fresh = refresh(api, tokens["refresh_token"]).json
    assert fresh.keys() == tokens.keys()
    assert [me(api, each["access_token"]) for each in (tokens, fresh)] == [200, 200]


@pytest.mark.parametrize("generation", [0, 1, 2])
def test_reuse_of_any_generation_ends_the_family(api: Client, tokens: Tokens, generation: int) -> None:
    """Behaviour 21: every refresh and access token that came of the sign-in is dead."""
    pairs: list[Tokens] = [tokens]
    for _ in range(3):
        pairs.append(refresh(api, pairs[-1]["refresh_token"]).json)
    before = [me(api, pair["access_token"]) for pair in pairs]
    let_pass(pairs[generation]["refresh_token"])
    assert error_of(refresh(api, pairs[generation]["refresh_token"])) == INVALID
    assert error_of(refresh(api, pairs[-1]["refresh_token"])) == INVALID
    assert (before, [me(api, pair["access_token"]) for pair in pairs]) == ([200] * 4, [401] * 4)


def test_reuse_leaves_other_families_alone(api: Client, tokens: Tokens, sign_in: SignIn) -> None:
    """Behaviour 21: another sign-in of the same user at the same client goes on."""
    other = sign_in()
    fresh = refresh(api, tokens["refresh_token"]).json
    let_pass(tokens["refresh_token"])
    refresh(api, tokens["refresh_token"])
    assert me(api, fresh["access_token"]) == 401
    assert (me(api, other["access_token"]), is_live(api, other["refresh_token"])) == (200, True)


def test_two_uses_at_once_have_the_same_successor(api: Client, user: User, tokens: Tokens) -> None:
    """Behaviour 22: another tab uses the token between one's read and write: both go on."""
    winners: list[Any] = []

    def overtake() -> None:
        winners.append(refresh(api, tokens["refresh_token"]))

    with at_call("TransactWriteItems", overtake):
        loser = refresh(api, tokens["refresh_token"])
    answers = [*winners, loser]
    assert [answer.status for answer in answers] == [200, 200]
    assert len({answer.json["refresh_token"] for answer in answers}) == 1
    assert [me(api, answer.json["access_token"]) for answer in answers] == [200, 200]
    assert is_live(api, loser.json["refresh_token"])


@pytest.mark.parametrize("used", [False, True])
def test_another_clients_token_is_refused_and_survives(
    api: Client, user: User, tokens: Tokens, make_client: Callable[..., OAuth2Client], used: bool
) -> None:
    """Behaviour 23: a client can neither use nor end what was issued to another one."""
    make_client("thief", user, grant_types=["refresh_token"])
    current = refresh(api, tokens["refresh_token"]).json if used else tokens
    if used:
        let_pass(tokens["refresh_token"])
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answer = api("POST", TOKEN, form=form, basic=("thief", SECRET))
    assert error_of(answer) == INVALID
    assert (me(api, current["access_token"]), is_live(api, current["refresh_token"])) == (200, True)


def test_a_narrower_scope_is_fine_and_not_for_good(api: Client, tokens: Tokens) -> None:
    """Behaviour 24: the access token is narrower, the refresh token keeps its scope (RFC 6749 §6)."""
    narrow = refresh(api, tokens["refresh_token"], scope="users:read").json
    wide = refresh(api, narrow["refresh_token"]).json
    assert (narrow["scope"], wide["scope"]) == ("users:read", tokens["scope"])


@pytest.mark.parametrize("scope", ["users:write", "users:read users:write", "nonsense"])
def test_a_wider_scope_is_refused_and_costs_nothing(
    api: Client, user: User, sign_in: SignIn, scope: str
) -> None:
    """Behaviour 24: what the sign-in did not grant is invalid_scope; the token is not used up."""
    token = sign_in(scope="users:read")["refresh_token"]
    assert error_of(refresh(api, token, scope=scope)) == (400, "invalid_scope")
    assert is_live(api, token)


@pytest.mark.parametrize("grant_types", [["authorization_code", "refresh_token"], ["refresh_token"]])
def test_a_sign_in_by_password_needs_a_first_party_client_to_go_on(
    api: Client, tokens: Tokens, documentation: OAuth2Client, grant_types: list[str]
) -> None:
    """There is no consent that the person could withdraw; given the grant again, the client goes on."""
    had = list(documentation.grant_types)
    documentation.update([OAuth2Client.grant_types.set(grant_types)])
    assert error_of(refresh(api, tokens["refresh_token"])) == (400, "unauthorized_client")
    documentation.update([OAuth2Client.grant_types.set(had)])
    assert refresh(api, tokens["refresh_token"]).status == 200


def test_a_sign_in_by_password_does_not_outlive_the_rights_of_the_clients_owner(
    api: Client, tokens: Tokens, admin: User
) -> None:
    """A client is first-party only while an active admin owns it."""
    admin.update([User.is_admin.set(False)])
    assert error_of(refresh(api, tokens["refresh_token"])) == (400, "unauthorized_client")


def test_a_client_without_scopes_gets_no_token(
    api: Client, tokens: Tokens, documentation: OAuth2Client
) -> None:
    """A scope has at least one name (RFC 6749 §3.3), so there is no token without any; nothing is used up."""
    had = list(documentation.default_scopes)
    documentation.update([OAuth2Client.default_scopes.set([])])
    assert error_of(refresh(api, tokens["refresh_token"])) == (400, "invalid_scope")
    assert error_of(password(api, "user", PASSWORD)) == (400, "invalid_scope")
    documentation.update([OAuth2Client.default_scopes.set(had)])
    assert is_live(api, tokens["refresh_token"])


def test_a_scope_that_the_client_lost_is_lost(
    api: Client, tokens: Tokens, documentation: OAuth2Client
) -> None:
    """Behaviour 5, 24: the client's scopes of today bound what a family granted once."""
    documentation.refresh()
    documentation.update([OAuth2Client.default_scopes.set(["users:read"])])
    assert refresh(api, tokens["refresh_token"]).json["scope"] == "users:read"


@pytest.mark.parametrize("name", ["idle_until", "absolute_until"])
def test_both_expiries_hold_before_ttl_sweeps(api: Client, user: User, tokens: Tokens, name: str) -> None:
    """Behaviour 25: the item still exists, but it has expired."""
    attribute = TokenFamily.get_attributes()[name]
    family_of(user).update([attribute.set(int(time.time()) - 1)])
    assert error_of(refresh(api, tokens["refresh_token"])) == INVALID


def test_use_moves_the_idle_expiry_alone(api: Client, user: User, tokens: Tokens) -> None:
    """Behaviour 25: a family that is used lives on, up to its absolute end."""
    soon = int(time.time()) + 60
    before = family_of(user)
    before.update([TokenFamily.idle_until.set(soon)])
    refresh(api, tokens["refresh_token"])
    after = family_of(user)
    assert after.idle_until > soon
    assert (after.absolute_until, after.expires_at) == (before.absolute_until, before.expires_at)


def test_ttl_keeps_a_family_as_long_as_anything_of_it_lives(
    user: User, tokens: Tokens, settings: Any
) -> None:
    """Behaviour 25, 21: TTL removes neither a live family nor the mark that its access tokens are revoked."""
    family = family_of(user)
    assert family.expires_at >= family.absolute_until + settings.access_token_lifetime


def test_ttl_keeps_a_family_as_long_as_access_tokens_of_a_day(
    api: Client, user: User, documentation: OAuth2Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behaviour 21: ACCESS_TOKEN_LIFETIME may say a day: the mark of a revocation stays for all of it."""
    monkeypatch.setattr(application.api, "settings", replace(settings, access_token_lifetime=86400))
    assert password(api, "user", PASSWORD).status == 200
    family = family_of(user)
    assert family.expires_at >= family.absolute_until + 86400


def test_ttl_keeps_the_mark_of_a_used_token_as_long_as_its_family(
    api: Client, user: User, tokens: Tokens
) -> None:
    """Behaviour 21: reuse is detected until the family ends, and the marks expire."""
    refresh(api, tokens["refresh_token"])
    token = parse_refresh_token(tokens["refresh_token"])
    assert token
    mark = get_many([token.used_key])[token.used_key].attribute_values
    assert mark["expires_at"] == family_of(user).expires_at


BAD_TOKENS = {
    "a word": "x",
    "access token's form": "a.b.c",
    "unknown family": f"{'0' * 26}.{'0' * 26}.{'a' * 43}",
    "foreign letters": f"{'É' * 26}.{'0' * 26}.{'a' * 43}",
    "a path": "../" * 32,
    "8 KB": "a" * 8192,
    "NUL": "\x00",
}


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_an_unknown_token_is_refused(api: Client, documentation: OAuth2Client, token: str) -> None:
    """Behaviour 20: whatever it looks like, it is an invalid grant."""
    assert error_of(refresh(api, token)) == INVALID


def test_no_token_is_an_invalid_request(api: Client, documentation: OAuth2Client) -> None:
    """Behaviour 2, 3: an empty value counts as omitted."""
    assert error_of(refresh(api, "")) == (400, "invalid_request")


def test_a_guess_with_the_right_ids_is_refused_and_harmless(api: Client, tokens: Tokens) -> None:
    """Behaviour 21, 23: who knows the ids in a token can neither use nor end its family."""
    ids = tokens["refresh_token"].rpartition(".")[0]
    assert error_of(refresh(api, f"{ids}.{'a' * 43}")) == INVALID
    assert (me(api, tokens["access_token"]), is_live(api, tokens["refresh_token"])) == (200, True)


def test_an_access_token_is_no_refresh_token(api: Client, tokens: Tokens) -> None:
    """Behaviour 16: the two kinds are not mixed up here, either."""
    assert error_of(refresh(api, tokens["access_token"])) == INVALID


def change_password(user: User) -> None:
    """Change the user's password, as the application does."""
    change_user(user, {"password": "another horse battery"})


def disable(user: User) -> None:
    """Disable the user and enable it again: that brings nothing back."""
    for is_active in (False, True):
        change_user(user, {"is_active": is_active})


def delete(user: User) -> None:
    """Delete the user."""
    user.delete()


@pytest.mark.parametrize("end", [change_password, disable, delete])
def test_what_ends_a_user_ends_all_families(
    api: Client, user: User, sign_in: SignIn, end: Callable[[User], None]
) -> None:
    """Behaviour 26: password change, disabling and deletion end every sign-in at once."""
    pairs = [sign_in(), sign_in()]
    end(user)
    assert [error_of(refresh(api, pair["refresh_token"])) for pair in pairs] == [INVALID, INVALID]
    assert [me(api, pair["access_token"]) for pair in pairs] == [401, 401]


def test_a_password_change_over_the_api_ends_all_families(api: Client, user: User, sign_in: SignIn) -> None:
    """Behaviour 26: the change itself succeeds, and no earlier token works afterwards."""
    pair = sign_in()
    patch = [
        {"op": "test", "path": "/current_password", "value": PASSWORD},
        {"op": "add", "path": "/password", "value": "an entirely new one"},
    ]
    answer = api("PATCH", f"/api/v1/users/{user.id}", token=pair["access_token"], data=patch)
    assert (answer.status, me(api, pair["access_token"])) == (200, 401)
    assert error_of(refresh(api, pair["refresh_token"])) == INVALID
    assert [password(api, "user", text).status for text in (PASSWORD, "an entirely new one")] == [400, 200]


def test_a_demotion_ends_nothing(
    api: Client, admin: User, make_user: Callable[..., User], sign_in: SignIn
) -> None:
    """A demoted user stays signed in."""
    second = make_user("second", is_admin=True)
    pair = sign_in("second")
    change_user(second, {"is_admin": False})
    assert is_live(api, pair["refresh_token"])


@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
@pytest.mark.parametrize("error", [UNREACHABLE, TIMEOUT], ids=["unreachable", "timeout"])
def test_a_fault_before_the_write_uses_nothing_up(
    api: Client, tokens: Tokens, operation: str, error: Exception
) -> None:
    """Behaviour 27: 503, and the same token works in the next attempt."""
    with fault(operation, error=error):
        answer = refresh(api, tokens["refresh_token"])
    assert (answer.status, answer.headers["retry-after"].isdigit()) == (503, True)
    assert (is_live(api, tokens["refresh_token"]), me(api, tokens["access_token"])) == (True, 200)


def test_a_lost_answer_loses_nothing(api: Client, user: User, tokens: Tokens) -> None:
    """Behaviour 20, 27: written but not confirmed is 503; the same token then gives what was written."""
    with fault("TransactWriteItems", event="after-call", error=TIMEOUT):
        answer = refresh(api, tokens["refresh_token"])
    assert (answer.status, sorted(answer.json)) == (503, ["error", "error_description"])
    assert answer.headers["retry-after"].isdigit()
    again = refresh(api, tokens["refresh_token"])
    assert (again.status, family_of(user).is_revoked) == (200, False)
    assert (me(api, tokens["access_token"]), is_live(api, again.json["refresh_token"])) == (200, True)


def test_a_fault_while_ending_a_family_is_told_and_repeatable(
    api: Client, user: User, tokens: Tokens
) -> None:
    """Behaviour 27, 21: reuse that could not be recorded is 503, and ends the family the next time."""
    fresh = refresh(api, tokens["refresh_token"]).json
    let_pass(tokens["refresh_token"])
    with fault("TransactWriteItems"):
        answer = refresh(api, tokens["refresh_token"])
    assert (answer.status, error_of(refresh(api, tokens["refresh_token"]))) == (503, INVALID)
    assert (family_of(user).is_revoked, is_live(api, fresh["refresh_token"])) == (True, False)


def test_a_refresh_costs_three_round_trips(api: Client, tokens: Tokens, round_trips: list[str]) -> None:
    """Refresh needs at most three requests to the table."""
    round_trips.clear()
    assert (refresh(api, tokens["refresh_token"]).status, len(round_trips) <= 3) == (200, True)
