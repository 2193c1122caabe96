"""What the time of a failed sign-in gives away; `python -m benchmarks.sign_in` measures it closely."""

import sys

import pytest

from benchmarks.sign_in import ROUNDS, measure, sign_up
from tests.e2e.stack import Stack

PAIRS = 25


def test_an_unknown_user_costs_an_argon2_computation_too(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Behaviour 7: without it, half of the time would be saved, whatever else the machine is doing."""
    sign_up(stack.api, PAIRS)
    for _ in range(ROUNDS):
        figures = measure(stack.api, PAIRS)
        with capsys.disabled():
            sys.stdout.write(f"\n{2 * PAIRS} failed sign-ins: {figures}\n")
        if abs(figures.difference) < figures.known / 4:
            return
    pytest.fail(str(figures))
