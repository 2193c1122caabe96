"""Unique values of any kind of item, raced for on AWS's DynamoDB Local."""

from collections.abc import Callable
from functools import partial

import pytest

from chalicelib.db import transaction
from chalicelib.errors import ConflictError
from tests.db.test_unique import marked, put
from tests.integration.conftest import MANY
from tests.integration.crowd import at_once
from tests.items import change, delete

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("table")]
RIVALS = 20


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go on through conflicts, however slow the machine is."""
    monkeypatch.setattr(transaction, "ATTEMPTS", MANY)


def has_it(write: Callable[[], object]) -> bool:
    """Whether somebody got what all of them want."""
    try:
        write()
    except ConflictError:
        return False
    return True


def test_of_many_who_create_one_value_one_does() -> None:
    """In any case of letters; the others leave nothing behind."""
    writes = [partial(put, number, "a-1" if number % 2 else "A-1") for number in range(RIVALS)]
    won = at_once(partial(has_it, write) for write in writes)
    assert (won.count(True), list(marked().values())) == (1, [str(won.index(True))])


def test_of_many_who_change_to_one_value_one_does() -> None:
    """The others keep theirs."""
    wheels = [put(number, f"own-{number}") for number in range(RIVALS)]
    won = at_once(partial(has_it, partial(change, wheel, serial="A-1")) for wheel in wheels)
    winner = won.index(True)
    kept = {f"serial#own-{number}": str(number) for number in range(RIVALS) if number != winner}
    assert (won.count(True), marked()) == (1, {**kept, "serial#a-1": str(winner)})


def test_what_a_deletion_frees_is_taken_once() -> None:
    """Whoever comes before it, or second, does not get it."""
    wheel = put(99, "A-1")
    writes: list[Callable[[], object]] = [
        partial(delete, wheel),
        *(partial(put, number, "A-1") for number in range(RIVALS)),
    ]
    _, *won = at_once(partial(has_it, write) for write in writes)
    assert won.count(True) <= 1
    assert list(marked().values()) == [str(number) for number, each in enumerate(won) if each]
