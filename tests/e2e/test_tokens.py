"""Tokens at a running stack: races, and an engine that hangs; the rest over HTTP is tests/api itself."""

from functools import partial
from typing import Any

import pytest

from tests.e2e.stack import Stack
from tests.http import Answer
from tests.integration.crowd import at_once

ME = "/api/v1/users/me"


@pytest.fixture
def tokens(stack: Stack) -> dict[str, Any]:
    """What the development user signed in with."""
    found: dict[str, Any] = stack.token("user", "w").json
    return found


def refresh(stack: Stack, token: str) -> Answer:
    """Use a refresh token."""
    form = {"grant_type": "refresh_token", "client_id": "documentation", "refresh_token": token}
    return stack.api("POST", "/auth/oauth2/token", form=form)


def revoke(stack: Stack, token: str) -> Answer:
    """Revoke a token."""
    return stack.api("POST", "/auth/oauth2/revoke", form={"client_id": "documentation", "token": token})


def me(stack: Stack, token: str) -> int:
    """Tell the status that an access token gets."""
    return stack.api("GET", ME, token=token).status


def test_one_of_many_refreshes_at_once_wins_and_the_family_dies(stack: Stack, tokens: dict[str, Any]) -> None:
    """ACCEPTANCE 22: exactly one 200; the losers get invalid_grant; then the family is dead."""
    answers = at_once([partial(refresh, stack, tokens["refresh_token"])] * 20)
    won = [answer.json for answer in answers if answer.status == 200]
    lost = {(answer.status, answer.json.get("error")) for answer in answers if answer.status != 200}
    assert (len(won), lost) == (1, {(400, "invalid_grant")})
    assert [me(stack, pair["access_token"]) for pair in (tokens, *won)] == [401, 401]
    assert refresh(stack, won[0]["refresh_token"]).status == 400


def test_a_hung_engine_is_admitted_and_costs_no_token(stack: Stack, tokens: dict[str, Any]) -> None:
    """ACCEPTANCE 27, 30: 503 with Retry-After, never 200; afterwards all is as before, and works."""
    calls = [partial(revoke, stack, tokens["access_token"]), partial(refresh, stack, tokens["refresh_token"])]
    with stack.hung_engine():
        answers = at_once(calls)
    assert [answer.status for answer in answers] == [503, 503]
    assert all(answer.headers["retry-after"].isdigit() for answer in answers)
    assert me(stack, tokens["access_token"]) == 200
    assert refresh(stack, tokens["refresh_token"]).status == 200
    assert revoke(stack, tokens["access_token"]).status == 200
    assert me(stack, tokens["access_token"]) == 401
