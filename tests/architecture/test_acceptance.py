"""Each numbered behaviour of the OAuth2 server has its tests: in process, and over HTTP against a stack."""

from functools import cache

import pytest

from tests import acceptance
from tests.acceptance import NUMBERS, numbers_in

collected = cache(acceptance.collected)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_behaviour_is_tested_in_process_and_over_http(number: int) -> None:
    """ACCEPTANCE numbers name behaviours that users and attackers see, so HTTP shows each of them."""
    tests = collected()[number]
    assert tests.in_process
    assert tests.over_http


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("ACCEPTANCE 7: the same bytes.", [7]),
        ("ACCEPTANCE 12, 13-15 and 18 (API1): all.", [12, 13, 14, 15, 18]),
        ("DESIGN §2, limits; ACCEPTANCE 36 for 64 passwords.", [36]),
        ("DESIGN §4: 3 requests.", []),
    ],
)
def test_numbers_are_read_as_they_are_written(text: str, numbers: list[int]) -> None:
    """What the checks above rest on."""
    assert list(numbers_in(text)) == numbers
