"""Tokens and passwords: requests that race each other over HTTP on AWS's DynamoDB Local."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.integration.crowd import at_once, rounds, statuses
from tests.support import SignIn, TokenFor, confirmed, replace

pytestmark = pytest.mark.integration

ME = "/api/v1/users/me"
TOKEN = "/auth/oauth2/token"


def refresh(api: Client, token: str) -> Answer:
    """Use a refresh token."""
    form = {"grant_type": "refresh_token", "client_id": "documentation", "refresh_token": token}
    return api("POST", TOKEN, form=form)


def try_password(api: Client, username: str, password: str) -> Answer:
    """Sign in, or try to."""
    form = {"grant_type": "password", "client_id": "documentation"}
    return api("POST", TOKEN, form={**form, "username": username, "password": password})


def outcomes(answers: list[Answer]) -> Counter[tuple[int, str | None]]:
    """Count the answers by status and OAuth error."""
    return Counter((answer.status, answer.json.get("error")) for answer in answers)


def live(api: Client, tokens: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those pairs of tokens of which one still works."""
    return [
        pair
        for pair in tokens
        if api("GET", ME, token=pair["access_token"]).status == 200
        or refresh(api, pair["refresh_token"]).status == 200
    ]


@pytest.mark.parametrize("number", rounds(50))
def test_50_concurrent_refreshes_have_one_successor(
    number: int, api: Client, user: User, sign_in: SignIn
) -> None:
    """Behaviour 22: nobody is signed out; the token before, shown after the successor's use, ends it all."""
    first = sign_in()
    answers = at_once([partial(refresh, api, first["refresh_token"])] * 50)
    assert outcomes(answers) == {(200, None): 50}
    (successor,) = {answer.json["refresh_token"] for answer in answers}
    assert [api("GET", ME, token=each.json["access_token"]).status for each in answers] == [200] * 50
    last = refresh(api, successor)
    assert (last.status, refresh(api, first["refresh_token"]).status) == (200, 400)
    assert live(api, [first, answers[0].json, last.json]) == []


def test_refreshes_of_different_families_do_not_disturb_each_other(
    api: Client, user: User, sign_in: SignIn
) -> None:
    """Behaviour 20: 20 sign-ins of one user refresh at once, and each gets its next token."""
    families = [sign_in() for _ in range(20)]
    answers = at_once(partial(refresh, api, pair["refresh_token"]) for pair in families)
    assert statuses(answers) == {200: 20}
    assert len(live(api, [answer.json for answer in answers])) == 20


@pytest.mark.parametrize("number", range(3))
def test_a_refresh_during_a_password_change_leaves_no_live_token(
    number: int, api: Client, user: User, sign_in: SignIn, token_for: TokenFor
) -> None:
    """Behaviour 26: a password change ends all families, those too that are refreshed in that moment."""
    families = [sign_in() for _ in range(10)]
    patch = confirmed(PASSWORD, replace("/password", "another fine password"))
    change = partial(api, "PATCH", f"/api/v1/users/{user.id}", token=token_for(user), data=patch)
    refreshes = [partial(refresh, api, pair["refresh_token"]) for pair in families]
    changed, *answers = at_once([change, *refreshes])
    assert changed.status == 200
    assert live(api, [answer.json for answer in answers if answer.status == 200] + families) == []


@pytest.mark.parametrize("number", range(3))
def test_a_refresh_during_a_revocation_leaves_no_live_token(
    number: int, api: Client, user: User, sign_in: SignIn
) -> None:
    """Behaviour 26: revoking a refresh token ends its family, whether it is used in that moment or not."""
    first = sign_in()
    form = {"token": first["refresh_token"], "client_id": "documentation"}
    revoke = partial(api, "POST", "/auth/oauth2/revoke", form=form)
    revoked, used = at_once([revoke, partial(refresh, api, first["refresh_token"])])
    assert revoked.status == 200
    assert live(api, [first] + ([used.json] if used.status == 200 else [])) == []


@pytest.mark.parametrize("username", ["user", "nobody"])
def test_of_40_wrong_passwords_at_once_10_are_told_wrong(
    username: str, api: Client, user: User, documentation: OAuth2Client
) -> None:
    """Behaviour 37: at most 10 guesses get an answer, the rest 429, whether the account exists or not."""
    answers = at_once(partial(try_password, api, username, f"guess {n}") for n in range(40))
    results = outcomes(answers)
    assert results == {(400, "invalid_grant"): 10, (429, "temporarily_unavailable"): 30}
    late = try_password(api, username, PASSWORD)
    assert late.status == 429
    assert int(late.headers["retry-after"]) > 0


def test_guessing_by_current_password_shares_the_limit(
    api: Client, user: User, token_for: TokenFor, documentation: OAuth2Client
) -> None:
    """Behaviour 37: 20 wrong current passwords and 20 wrong sign-ins at once get 10 answers together."""
    token = token_for(user)
    path = f"/api/v1/users/{user.id}"
    patches = [confirmed(f"guess {n}", replace("/email", "x@test.example")) for n in range(20)]
    calls = [partial(api, "PATCH", path, token=token, data=patch) for patch in patches]
    answers = at_once(calls + [partial(try_password, api, "user", f"guess {n}") for n in range(20)])
    results = statuses(answers)
    assert (results[400] + results[403], results[429]) == (10, 30)


def test_right_passwords_at_once_all_sign_in(api: Client, user: User, documentation: OAuth2Client) -> None:
    """Behaviour 37: many successful sign-ins at once are not limited."""
    answers = at_once([partial(try_password, api, "user", PASSWORD)] * 30)
    assert statuses(answers) == {200: 30}
