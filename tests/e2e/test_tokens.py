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
    """Return the status of a request with an access token."""
    return stack.api("GET", ME, token=token).status


def test_many_refreshes_at_once_have_one_successor(stack: Stack, tokens: dict[str, Any]) -> None:
    """Behaviour 22: each answer carries it; the old token, shown after its use, ends the family."""
    answers = at_once([partial(refresh, stack, tokens["refresh_token"])] * 20)
    assert [answer.status for answer in answers] == [200] * 20
    [successor] = {answer.json["refresh_token"] for answer in answers}
    assert refresh(stack, successor).status == 200
    assert refresh(stack, tokens["refresh_token"]).status == 400
    assert me(stack, answers[0].json["access_token"]) == 401


def test_a_hung_engine_is_admitted_and_costs_no_token(stack: Stack, tokens: dict[str, Any]) -> None:
    """Behaviour 27, 30: 503 with Retry-After, never 200; afterwards all is as before, and works."""
    calls = [partial(revoke, stack, tokens["access_token"]), partial(refresh, stack, tokens["refresh_token"])]
    with stack.hung_engine():
        answers = at_once(calls)
    assert [answer.status for answer in answers] == [503, 503]
    assert all(answer.headers["retry-after"].isdigit() for answer in answers)
    assert me(stack, tokens["access_token"]) == 200
    assert refresh(stack, tokens["refresh_token"]).status == 200
    assert revoke(stack, tokens["access_token"]).status == 200
    assert me(stack, tokens["access_token"]) == 401
