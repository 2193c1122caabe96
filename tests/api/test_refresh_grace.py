"""The grace of refresh tokens: a lost answer or a second tab gets the same successor, a thief nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

import app as application
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.tokens.families import parse_refresh_token, successor_of
from chalicelib.security.keys import Keyring
from chalicelib.users.models import User
from tests.api.code_tools import get_code, redeem
from tests.api.oauth_tools import TOKEN, at_call, error_of, families, let_pass, me, refresh
from tests.conftest import PASSWORD, SECRET
from tests.http import Client
from tests.support import dump_table
from tests.target import put

INVALID = (400, "invalid_grant")
Tokens = dict[str, str]
SignIn = Callable[..., Tokens]


@pytest.fixture
def tokens(user: User, sign_in: SignIn) -> Tokens:
    """What the user signed in with."""
    return sign_in()


def is_over(api: Client, user: User, tokens: Tokens) -> bool:
    """Whether the family of the tokens has ended, as a theft."""
    (family,) = families(user)
    is_told = any(item.get("event") == {"S": "refresh_token_reuse"} for item in dump_table())
    assert is_told == bool(family.is_revoked) == (me(api, tokens["access_token"]) == 401)
    return bool(family.is_revoked)


@pytest.mark.parametrize("seconds", [0, 1, 29])
def test_within_the_grace_the_answer_is_the_same_successor(
    api: Client, user: User, tokens: Tokens, seconds: int
) -> None:
    """Behaviour 20: the last token shown again, any number of times; each answer has a new access token."""
    answers = [refresh(api, tokens["refresh_token"])]
    let_pass(tokens["refresh_token"], seconds)
    answers += [refresh(api, tokens["refresh_token"]) for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 4
    assert len({answer.json["refresh_token"] for answer in answers}) == 1
    assert len({answer.json["access_token"] for answer in answers}) == 4
    assert refresh(api, answers[0].json["refresh_token"]).status == 200
    assert not is_over(api, user, answers[0].json)


def test_a_read_in_the_middle_of_a_rotation_is_repeated(api: Client, user: User, tokens: Tokens) -> None:
    """BatchGetItem is not a snapshot: it may return the rotated family, but not yet the tombstone."""
    fresh = refresh(api, tokens["refresh_token"])
    whole = dump_table()
    put([item for item in whole if item["kind"]["S"] != "used_refresh_token"])
    with at_call("BatchGetItem", lambda: put(whole), number=2):
        answer = refresh(api, tokens["refresh_token"])
    assert (answer.status, answer.json["refresh_token"]) == (200, fresh.json["refresh_token"])


def test_after_the_grace_it_is_reuse(api: Client, user: User, tokens: Tokens) -> None:
    """Behaviour 21: 30 s after its use, presenting a token again counts as theft."""
    refresh(api, tokens["refresh_token"])
    let_pass(tokens["refresh_token"])
    assert (error_of(refresh(api, tokens["refresh_token"])), is_over(api, user, tokens)) == (INVALID, True)


def test_once_the_successor_was_used_it_is_reuse(api: Client, user: User, tokens: Tokens) -> None:
    """Behaviour 21: within the grace, too: the client has had its answer, so this is somebody else."""
    fresh = refresh(api, tokens["refresh_token"]).json
    last = refresh(api, fresh["refresh_token"]).json
    assert (error_of(refresh(api, tokens["refresh_token"])), is_over(api, user, last)) == (INVALID, True)


@pytest.mark.parametrize("first", ["thief", "client"])
def test_a_thief_who_used_the_grace_is_found_out(api: Client, user: User, tokens: Tokens, first: str) -> None:
    """Behaviour 21: once one of the two has refreshed again, the other one's next refresh ends the family."""
    client = refresh(api, tokens["refresh_token"]).json
    thief = refresh(api, tokens["refresh_token"]).json
    assert client["refresh_token"] == thief["refresh_token"]
    last = refresh(api, client["refresh_token"]).json
    let_pass(client["refresh_token"], 3600)
    assert error_of(refresh(api, thief["refresh_token"])) == INVALID
    assert is_over(api, user, {"thief": thief, "client": last}[first])


def test_the_grace_writes_nothing_and_takes_no_more_round_trips(
    api: Client, tokens: Tokens, round_trips: list[str]
) -> None:
    """It takes the reads of a refresh, and no write."""
    refresh(api, tokens["refresh_token"])
    before = dump_table()
    round_trips.clear()
    assert refresh(api, tokens["refresh_token"]).status == 200
    assert (set(round_trips), len(round_trips) <= 2) == ({"BatchGetItem"}, True)
    assert dump_table() == before


def test_scopes_hold_in_the_grace(api: Client, tokens: Tokens) -> None:
    """Behaviour 24: narrower is fine, wider is refused and ends nothing."""
    used = tokens["refresh_token"]
    refresh(api, used)
    assert refresh(api, used, scope="users:read").json["scope"] == "users:read"
    assert error_of(refresh(api, used, scope="nonsense")) == (400, "invalid_scope")
    assert refresh(api, used).status == 200


def test_another_client_has_no_grace(
    api: Client, user: User, tokens: Tokens, make_client: Callable[..., OAuth2Client]
) -> None:
    """Behaviour 23: it is refused, and ends nothing."""
    make_client("thief", user, grant_types=["refresh_token"])
    refresh(api, tokens["refresh_token"])
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert error_of(api("POST", TOKEN, form=form, basic=("thief", SECRET))) == INVALID
    assert not is_over(api, user, tokens)


@pytest.mark.parametrize("name", ["idle_until", "absolute_until"])
def test_expiry_holds_in_the_grace(api: Client, user: User, tokens: Tokens, name: str) -> None:
    """Behaviour 25: an expired family refuses even a token that was used just now."""
    refresh(api, tokens["refresh_token"])
    (family,) = families(user)
    family.update([family.get_attributes()[name].set(1)])
    assert error_of(refresh(api, tokens["refresh_token"])) == INVALID


def test_a_revoked_family_has_no_grace(api: Client, user: User, tokens: Tokens) -> None:
    """Behaviour 26: signing out ends the grace as well."""
    refresh(api, tokens["refresh_token"])
    form = {"client_id": "documentation", "token": tokens["refresh_token"]}
    assert api("POST", "/auth/oauth2/revoke", form=form).status == 200
    assert error_of(refresh(api, tokens["refresh_token"])) == INVALID


def test_a_withdrawn_consent_ends_the_grace(
    api: Client, user: User, app: OAuth2Client, token_for: Callable[..., str]
) -> None:
    """Behaviour 26: what rests on the person's consent ends with it."""
    tokens = redeem(api, get_code(api, "user", PASSWORD)).json
    form = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": tokens["refresh_token"]}
    assert [api("POST", TOKEN, form=form).status for _ in range(2)] == [200, 200]
    assert api("DELETE", "/api/v1/users/me/grants/app", token=token_for(user)).status == 204
    assert error_of(api("POST", TOKEN, form=form)) == INVALID


@pytest.mark.in_process("replaces the application's secret")
def test_a_replaced_secret_is_nobody_s_theft(
    api: Client, user: User, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/keys.md: the repeated token is refused, its successor still works."""
    fresh = refresh(api, tokens["refresh_token"]).json
    other = replace(application.api.keystore.keyring(), mac_secret=b"1" * 32)
    monkeypatch.setattr(application.api.keystore, "keyring", lambda: other)
    assert error_of(refresh(api, tokens["refresh_token"])) == INVALID
    assert not is_over(api, user, fresh)
    assert refresh(api, fresh["refresh_token"]).status == 200


def test_a_successor_can_be_told_by_the_stage_alone(api: Client, user: User, tokens: Tokens) -> None:
    """Behaviour 28: no used token, and nothing that is stored, leads to the one after it."""
    used = parse_refresh_token(tokens["refresh_token"])
    assert used
    fresh = refresh(api, tokens["refresh_token"]).json["refresh_token"]
    assert fresh.startswith(f"{used.user_id}.{used.family_id}.")
    secrets = [token.rpartition(".")[2] for token in (fresh, tokens["refresh_token"])]
    assert [secret for secret in secrets if secret in str(dump_table())] == []
    assert successor_of(Keyring({}, b"1" * 32), used).text != fresh
