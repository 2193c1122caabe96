"""Transactions: all or nothing, and a refusal that says why."""

from collections.abc import Callable

import pytest

from chalicelib.db.keys import Key
from chalicelib.db.table import get_many
from chalicelib.db.transaction import StaleError, Transaction
from chalicelib.errors import ApiError, ConflictError, NotFoundError
from chalicelib.teams.models import Team
from tests.faults import wire
from tests.support import dump_table, left_of

pytestmark = pytest.mark.usefixtures("table")


def key(number: int) -> Key:
    """Key of a team for tests."""
    return Key(f"TEAM#{number}", "TEAM")


def make(number: int, title: str = "Engines") -> Team:
    """A team that is not written yet."""
    return Team.at(key(number), id=str(number), title=title)


def written(number: int, title: str = "Engines") -> Team:
    """A team in the table."""
    transaction, team = Transaction(), make(number, title)
    transaction.put(team)
    transaction.commit()
    return team


def stored(number: int) -> Team:
    """A team as it stands in the table."""
    team = get_many([key(number)])[key(number)]
    assert isinstance(team, Team)
    return team


def refused(transaction: Transaction) -> Exception:
    """Commit what has to fail; return the error, and see that nothing was written."""
    before = dump_table()
    with pytest.raises((StaleError, ApiError)) as caught:
        transaction.commit()
    assert dump_table() == before
    return caught.value


def is_stale(transaction: Transaction) -> bool:
    """Commit what has to fail, and return whether it failed because an item had changed."""
    return isinstance(refused(transaction), StaleError)


def test_a_new_item_has_version_1() -> None:
    """Every item has a version, in memory as in the table."""
    assert (written(1).version, stored(1).version) == (1, 1)


def test_a_key_is_taken_once() -> None:
    """Markers are unique because a put demands a free key."""
    written(1)
    transaction = Transaction()
    taken = ConflictError()
    transaction.put(make(1, "Other"), otherwise=taken)
    assert refused(transaction) is taken


def test_one_failed_condition_stops_all_writes() -> None:
    """All writes or none."""
    written(2)
    transaction = Transaction()
    refusals = [ConflictError(str(number)) for number in (1, 2, 3)]
    for number, refusal in enumerate(refusals, start=1):
        transaction.put(make(number), otherwise=refusal)
    assert refused(transaction) is refusals[1]


KINDS: dict[str, Callable[[Transaction, Team, ApiError | None], None]] = {
    "check": lambda transaction, team, otherwise: transaction.check(
        Team, team.key, Team.title == "Mine", otherwise=otherwise
    ),
    "put": lambda transaction, team, otherwise: transaction.put(team, otherwise=otherwise),
    "add": lambda transaction, team, otherwise: transaction.add(
        team, [Team.version.add(1)], Team.title == "Mine", otherwise=otherwise
    ),
}


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", KINDS)
def test_the_first_condition_that_fails_decides(first: str, second: str) -> None:
    """Behaviour 59: in the order in which the writes were added, whatever their kinds."""
    teams, refusals = [written(1), written(2)], [ConflictError("1"), NotFoundError("2")]
    transaction = Transaction()
    transaction.put(make(9))
    for kind, team, refusal in zip((first, second), teams, refusals, strict=True):
        KINDS[kind](transaction, team, refusal)
    assert refused(transaction) is refusals[0]


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_changed_decides_before_any_refusal(kind: str) -> None:
    """A refusal depends on what was read: after another read it may be decided otherwise."""
    stale, other = written(1), written(2)
    change(stored(1), "Theirs")
    transaction = Transaction()
    KINDS[kind](transaction, other, ConflictError())
    transaction.change(stale, {"title": "Mine"})
    assert is_stale(transaction)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_failed_condition_means_is_by_default_that_something_has_changed(kind: str) -> None:
    """By default a failed condition means that the item has changed, so the caller tries again."""
    transaction = Transaction()
    KINDS[kind](transaction, written(1), None)
    assert is_stale(transaction)


def test_refusals_of_one_type_are_told_together() -> None:
    """Behaviour 59: a sign-up reports at once that both username and email address are taken."""
    transaction = Transaction()
    for number, name in enumerate(("username", "email"), start=1):
        written(number)
        refusal = ConflictError(f"{name} is taken.", errors=[{"pointer": f"/{name}", "detail": "Taken."}])
        transaction.put(make(number), otherwise=refusal)
    error = refused(transaction)
    assert isinstance(error, ConflictError)
    assert (error.detail, str(error)) == ("username is taken. email is taken.",) * 2
    assert [each["pointer"] for each in error.errors] == ["/username", "/email"]


def change(team: Team, title: str) -> None:
    """Change a team's title."""
    transaction = Transaction()
    transaction.change(team, {"title": title})
    transaction.commit()


def test_a_change_is_taken_over() -> None:
    """After the commit the item in memory is the one in the table."""
    team = written(1)
    change(team, "Looms")
    change(team, "Mills")
    there = stored(1)
    assert (team.title, team.version) == (there.title, there.version) == ("Mills", 3)
    assert team.updated == there.updated


def test_what_was_taken_over_before_the_commit_is_what_the_table_says_after_it() -> None:
    """An answer that is rendered before the commit shows its effect; the version grows once."""
    new, changed, transaction = make(1), written(2), Transaction()
    transaction.put(new)
    transaction.change(changed, {"title": "Looms"})
    transaction.take_over()
    shown = [(team.title, team.version, team.updated) for team in (new, changed)]
    transaction.commit()
    assert shown == [(team.title, team.version, team.updated) for team in (stored(1), stored(2))]
    assert shown == [(team.title, team.version, team.updated) for team in (new, changed)]


def test_a_change_that_another_transaction_takes_in_keeps_its_time() -> None:
    """Work and toll are committed together; the item in memory still says what the table says."""
    team, work, toll = written(1), Transaction(), Transaction()
    work.change(team, {"title": "Looms"})
    toll.include(work)
    toll.commit()
    assert (team.title, team.updated) == (stored(1).title, stored(1).updated)


def test_a_refused_change_leaves_the_item_in_memory() -> None:
    """Behaviour 59: nothing was written, so the item in memory is unchanged."""
    team, other = written(1), stored(1)
    change(other, "Theirs")
    transaction = Transaction()
    transaction.change(team, {"title": "Mine"})
    assert (is_stale(transaction), team.title, team.version) == (True, "Engines", 1)


def test_a_change_moves_updated_and_keeps_created() -> None:
    """Every item has created and updated."""
    team = written(1)
    before = stored(1)
    change(team, "Looms")
    after = stored(1)
    assert (after.created, after.updated > before.updated) == (before.created, True)


def test_a_stale_item_is_not_deleted() -> None:
    """read-modify-write is always conditional."""
    team = written(1)
    change(stored(1), "Theirs")
    transaction = Transaction()
    transaction.delete(team)
    assert is_stale(transaction)


def test_a_change_does_not_revive_a_deleted_item() -> None:
    """An update of a deleted item is refused."""
    team = written(1)
    deletion = Transaction()
    deletion.delete(stored(1))
    deletion.commit()
    transaction = Transaction()
    transaction.change(team, {"title": "Revived"})
    assert is_stale(transaction)
    assert left_of(team.id) == []


def test_adding_makes_an_item_that_can_be_read() -> None:
    """An item that counting makes has its kind and its times."""
    for _ in range(2):
        transaction = Transaction()
        transaction.add(make(1), [Team.member_count.add(3), Team.version.add(1)])
        transaction.commit()
    team = stored(1)
    assert (team.member_count, team.version, team.created <= team.updated) == (6, 2, True)


def test_adding_keeps_the_creation_time() -> None:
    """Created is set once."""
    team = written(1)
    transaction = Transaction()
    transaction.add(make(1), [Team.member_count.add(1), Team.version.add(1)])
    transaction.commit()
    assert stored(1).created == team.created


def test_a_check_alone_writes_nothing() -> None:
    """A condition of an item that is not written."""
    written(1)
    before, transaction = dump_table(), Transaction()
    transaction.check(Team, key(1), Team.title == "Engines")
    transaction.commit()
    assert dump_table() == before


def test_a_transaction_is_one_request_with_a_token() -> None:
    """Transactions carry a ClientRequestToken."""
    transaction = Transaction()
    for number in range(20):
        transaction.put(make(number))
    with wire() as sent:
        transaction.commit()
    assert [(call.operation, bool(call.body["ClientRequestToken"])) for call in sent] == [
        ("TransactWriteItems", True)
    ]
