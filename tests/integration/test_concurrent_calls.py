"""Rate limits: calls that race each other on AWS's DynamoDB Local."""

import time
from collections import Counter
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

import app as application
from chalicelib import rate_limit as module
from chalicelib.db.table import get_many
from chalicelib.errors import ApiError
from chalicelib.rate_limit import Budget, RateLimit, rate_limit
from chalicelib.settings import Settings
from tests.integration.crowd import at_once, statuses
from tests.support import a_context, dump_table

pytestmark = pytest.mark.integration

THREADS = 50
# windows so long that the tests do not meet the end of one
LIMITS = [
    rate_limit("17/365 days"),
    rate_limit("30/300 days", "17/365 days"),
]


def call(limit: RateLimit, subject: str) -> int:
    """Answer one call within its budget, in the way that the endpoint does."""
    budget, context = Budget.of(limit, "things", subject, factor=1), a_context()
    try:
        budget.check(get_many(budget.limits))
        budget.spend(context.toll)
        context.commit()
    except ApiError as error:
        return error.status
    return 200


@pytest.mark.parametrize("limit", LIMITS, ids=["one", "several"])
def test_of_50_calls_at_once_17_pass(table: None, limit: RateLimit) -> None:
    """Behaviour 37: exactly as many as declared, and each is counted once."""
    found = Counter(at_once([partial(call, limit, "ADDRESS#198.51.100.1")] * THREADS))
    assert found == {200: 17, 429: THREADS - 17}
    assert {int(item["amount"]["N"]) for item in dump_table()} == {17}


def test_callers_do_not_disturb_each_other(table: None) -> None:
    """Each caller has a counter of its own."""
    calls = [partial(call, LIMITS[0], f"ADDRESS#198.51.100.{number}") for number in range(THREADS)]
    assert Counter(at_once(calls)) == {200: THREADS}


def test_of_50_sign_ups_at_once_10_succeed(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, sign_up: Any
) -> None:
    """Behaviour 37: over HTTP, counted in the transaction that writes the user."""
    monkeypatch.setattr(application.api, "settings", replace(settings, rate_limit_factor=1))
    # a clock that stands still, so that no minute ends in the meantime
    monkeypatch.setattr(module, "time", SimpleNamespace(time=partial(float, time.time())))
    answers = at_once(partial(sign_up, f"user{n}", f"u{n}@test.example") for n in range(THREADS))
    assert statuses(answers) == {201: 10, 429: 40}
    assert sum(item["kind"]["S"] == "user" for item in dump_table()) == 10
