"""Token revocation (RFC 7009): what it ends, what it does not affect, and what it never reveals."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.security.tokens import LEEWAY
from chalicelib.users.models import User
from tests.api.forgery import Forge
from tests.api.oauth_tools import (
    DOCUMENTATION,
    REVOKE,
    TIMEOUT,
    database_down,
    error_of,
    families,
    fault,
    me,
    refresh,
)
from tests.conftest import SECRET
from tests.faults import wire
from tests.http import JSON, Answer, Client

Tokens = dict[str, str]
KINDS = ["access_token", "refresh_token"]


@pytest.fixture
def tokens(user: User, sign_in: Callable[..., Tokens]) -> Tokens:
    """What the user signed in with."""
    return sign_in()


def revoke(api: Client, token: str, **more: str) -> Answer:
    """Revoke a token as the documentation client."""
    return api("POST", REVOKE, form={**DOCUMENTATION, "token": token, **more})


def test_a_revoked_access_token_is_dead_and_nothing_else(api: Client, tokens: Tokens) -> None:
    """Behaviour 29: that jti ends; the family goes on."""
    assert revoke(api, tokens["access_token"]).status == 200
    assert me(api, tokens["access_token"]) == 401
    fresh = refresh(api, tokens["refresh_token"])
    assert (fresh.status, me(api, fresh.json["access_token"])) == (200, 200)


def test_a_revoked_refresh_token_ends_its_family(
    api: Client, tokens: Tokens, sign_in: Callable[..., Tokens]
) -> None:
    """Behaviour 26: its refresh and access tokens are dead, those of another sign-in are not."""
    other = sign_in()
    assert revoke(api, tokens["refresh_token"]).status == 200
    assert error_of(refresh(api, tokens["refresh_token"])) == (400, "invalid_grant")
    assert [me(api, pair["access_token"]) for pair in (tokens, other)] == [401, 200]
    assert refresh(api, other["refresh_token"]).status == 200


def test_a_used_refresh_token_still_ends_its_family(api: Client, tokens: Tokens) -> None:
    """Behaviour 26: a client that signs out with an old token is signed out."""
    fresh = refresh(api, tokens["refresh_token"]).json
    assert revoke(api, tokens["refresh_token"]).status == 200
    assert (me(api, fresh["access_token"]), refresh(api, fresh["refresh_token"]).status) == (401, 400)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
def test_the_hint_does_not_matter(api: Client, tokens: Tokens, kind: str, hint: str) -> None:
    """Behaviour 29: a wrong token_type_hint still finds the token."""
    assert revoke(api, tokens[kind], token_type_hint=hint).status == 200
    assert me(api, tokens["access_token"]) == 401


@pytest.mark.parametrize("kind", KINDS)
def test_twice_does_no_harm(api: Client, tokens: Tokens, kind: str) -> None:
    """Behaviour 29: the second revocation is answered like the first."""
    answers = [revoke(api, tokens[kind]) for _ in range(2)]
    assert [(answer.status, answer.json) for answer in answers] == [(200, {}), (200, {})]


@pytest.mark.parametrize(
    "token",
    ["x", "a.b.c", f"{'0' * 26}.{'0' * 26}.{'a' * 43}", "null", "\x00", "é" * 100, "a" * 8192, "../.."],
)
def test_an_unknown_token_is_answered_like_any(api: Client, documentation: OAuth2Client, token: str) -> None:
    """Behaviour 29: an invalid token needs no revocation (RFC 7009 §2.2)."""
    assert revoke(api, token).status == 200


@pytest.mark.parametrize("changes", [{"exp": 1_000_000_000}, {"aud": "https://test.example"}, {"jti": 7}])
def test_an_access_token_that_is_no_good_is_answered_like_any(
    api: Client, user: User, documentation: OAuth2Client, changes: dict[str, Any]
) -> None:
    """Behaviour 29: expired tokens included."""
    forge = Forge(application.api.keystore.keyring().current, user, documentation)
    assert revoke(api, forge.token({}, changes)).status == 200


def test_an_expired_family_is_answered_like_any(api: Client, user: User, tokens: Tokens) -> None:
    """Behaviour 29: an expired refresh token gets 200, too."""
    (family,) = families(user)
    family.update([type(family).absolute_until.set(int(time.time()) - 1)])
    assert revoke(api, tokens["refresh_token"]).status == 200


def test_a_token_in_the_leeway_stays_revoked(api: Client, user: User, documentation: OAuth2Client) -> None:
    """Behaviour 19: the denylist holds a token for as long as it is accepted."""
    forge = Forge(application.api.keystore.keyring().current, user, documentation)
    token = forge.token({}, {"exp": int(time.time()) - 30})
    before = me(api, token)
    assert revoke(api, token).status == 200
    assert (before, me(api, token)) == (200, 401)


@pytest.mark.parametrize("left", [3600, -30])
def test_the_denylist_forgets_what_nobody_accepts(
    api: Client, user: User, documentation: OAuth2Client, left: int
) -> None:
    """Behaviour 19: TTL may take the entry once the token is refused by itself, the leeway included."""
    now = int(time.time())
    forge = Forge(application.api.keystore.keyring().current, user, documentation)
    assert revoke(api, forge.token({}, {"exp": now + left, "jti": "a"})).status == 200
    (entry,) = get_many([keys.revoked_token("a")]).values()
    assert 0 < entry.attribute_values["expires_at"] - (max(now + left, now) + LEEWAY) <= 2


def test_a_call_reads_what_its_token_rests_on_and_no_more(api: Client, tokens: Tokens) -> None:
    """Of a token that no authorization code led to, no consent is read."""
    with wire() as sent:
        assert me(api, tokens["access_token"]) == 200
    [request] = sent
    [table] = request.body["RequestItems"].values()
    kinds = sorted(key["sk"]["S"].partition("#")[0] for key in table["Keys"])
    assert "CONSENT" not in kinds
    assert "FAMILY" in kinds


@pytest.mark.parametrize("suffix", ["=", "=="])
def test_a_padded_copy_of_a_revoked_token_is_refused(api: Client, tokens: Tokens, suffix: str) -> None:
    """Behaviour 19: neither the token nor a decorated copy of it works after the revocation."""
    revoke(api, tokens["access_token"])
    token = tokens["access_token"]
    assert [me(api, text) for text in (token, token + suffix)] == [401, 401]


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token_type_hint": "access_token"}])
def test_no_token_is_an_invalid_request(
    api: Client, documentation: OAuth2Client, form: dict[str, str]
) -> None:
    """Behaviour 29: there is nothing to revoke."""
    assert error_of(api("POST", REVOKE, form=DOCUMENTATION | form)) == (400, "invalid_request")


@pytest.mark.parametrize("kind", KINDS)
def test_another_clients_token_stays_live(
    api: Client, tokens: Tokens, service: OAuth2Client, kind: str
) -> None:
    """Behaviour 29: 200, and the victim notices nothing."""
    answer = api("POST", REVOKE, form={"token": tokens[kind]}, basic=("service", SECRET))
    assert (answer.status, me(api, tokens["access_token"])) == (200, 200)
    assert refresh(api, tokens["refresh_token"]).status == 200


@pytest.mark.parametrize("basic", [None, ("service", "wrong"), ("nobody", SECRET)])
def test_a_client_has_to_authenticate(
    api: Client, tokens: Tokens, service: OAuth2Client, basic: tuple[str, str] | None
) -> None:
    """Behaviour 8, 29: 401 invalid_client, and the token stays live."""
    answer = api("POST", REVOKE, form={"token": tokens["access_token"]}, basic=basic)
    assert (error_of(answer), me(api, tokens["access_token"])) == ((401, "invalid_client"), 200)


def test_a_confidential_client_revokes_its_own(api: Client, service: OAuth2Client) -> None:
    """Behaviour 29: a client_credentials token ends like any other."""
    form = {"grant_type": "client_credentials"}
    token = api("POST", "/auth/oauth2/token", form=form, basic=("service", SECRET)).json["access_token"]
    before = me(api, token)
    assert api("POST", REVOKE, form={"token": token}, basic=("service", SECRET)).status == 200
    assert (before, me(api, token)) == (200, 401)


def test_a_json_body_or_a_token_in_the_url_is_refused(api: Client, tokens: Tokens) -> None:
    """Behaviour 2: the parameters stand in a form."""
    token = tokens["access_token"]
    body = json.dumps({**DOCUMENTATION, "token": token}).encode()
    answers = [
        api("POST", REVOKE, raw=body, headers={"Content-Type": JSON}),
        api("POST", f"{REVOKE}?token={token}", form=DOCUMENTATION),
    ]
    assert [error_of(answer) for answer in answers] == [(400, "invalid_request")] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_that_is_down_is_admitted(api: Client, tokens: Tokens, kind: str) -> None:
    """Behaviour 30: 503 with Retry-After, never 200."""
    with database_down():
        answer = revoke(api, tokens[kind])
    assert (answer.status, answer.headers["retry-after"].isdigit()) == (503, True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("event", ["before-call", "after-call"])
def test_a_revocation_that_fails_can_be_repeated(api: Client, tokens: Tokens, kind: str, event: str) -> None:
    """Behaviour 27, 30: a failed or unconfirmed write is 503, and the next attempt ends the token."""
    with fault("TransactWriteItems", event=event, error=TIMEOUT):
        answer = revoke(api, tokens[kind])
    assert answer.status == 503
    assert (revoke(api, tokens[kind]).status, me(api, tokens["access_token"])) == (200, 401)


@pytest.mark.parametrize("kind", KINDS)
def test_a_revocation_costs_two_round_trips(
    api: Client, tokens: Tokens, round_trips: list[str], kind: str
) -> None:
    """One read and one write."""
    round_trips.clear()
    assert revoke(api, tokens[kind]).status == 200
    assert round_trips == ["BatchGetItem", "TransactWriteItems"]
