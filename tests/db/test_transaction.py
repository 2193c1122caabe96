"""Transactions: all or nothing, and a refusal that says why."""

import pytest

from chalicelib.db.keys import Key
from chalicelib.db.table import get_many
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.teams.models import Team
from tests.faults import wire
from tests.support import dump_table

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
    transaction.put("team", team)
    transaction.commit()
    return team


def stored(number: int) -> Team:
    """A team as it stands in the table."""
    team = get_many([key(number)])[key(number)]
    assert isinstance(team, Team)
    return team


def refused(transaction: Transaction) -> set[str]:
    """Commit what has to fail; tell which writes were the cause, and that nothing was written."""
    before = dump_table()
    with pytest.raises(ConditionFailedError) as caught:
        transaction.commit()
    assert dump_table() == before
    return set(caught.value.names)


def test_a_new_item_has_version_1() -> None:
    """Every item has a version, in memory as in the table."""
    assert (written(1).version, stored(1).version) == (1, 1)


def test_a_key_is_taken_once() -> None:
    """Markers are unique because a put demands a free key."""
    written(1)
    transaction = Transaction()
    transaction.put("again", make(1, "Other"))
    assert refused(transaction) == {"again"}


def test_one_failed_condition_stops_all_writes() -> None:
    """All writes or none."""
    written(2)
    transaction = Transaction()
    for number in (1, 2, 3):
        transaction.put(f"team {number}", make(number))
    assert refused(transaction) == {"team 2"}


def test_all_failed_conditions_are_named() -> None:
    """Behaviour 59: whatever the kinds of the writes and the order in which they were added."""
    stale, deleted, gone = written(1), written(2), written(3)
    for number in (1, 2, 3):
        change(stored(number), "Changed")
    transaction = Transaction()
    transaction.change("change", stale, {"title": "Mine"})
    transaction.put("put", make(2))
    transaction.put("fine", make(9))
    transaction.check("check", Team, key(7), Team.pk.exists())
    transaction.delete("delete", gone)
    transaction.add("add", make(8), [Team.version.add(1)], Team.pk.exists())
    assert refused(transaction) == {"change", "put", "check", "delete", "add"}
    assert deleted.title == "Engines"


def change(team: Team, title: str) -> None:
    """Change a team's title."""
    transaction = Transaction()
    transaction.change("item", team, {"title": title})
    transaction.commit()


def test_a_change_is_taken_over() -> None:
    """After the commit the item in memory is the one in the table."""
    team = written(1)
    change(team, "Looms")
    change(team, "Mills")
    there = stored(1)
    assert (team.title, team.version) == (there.title, there.version) == ("Mills", 3)
    assert team.updated == there.updated


def test_a_refused_change_leaves_the_item_in_memory() -> None:
    """Behaviour 59: nothing was written, so nothing is taken over."""
    team, other = written(1), stored(1)
    change(other, "Theirs")
    transaction = Transaction()
    transaction.change("item", team, {"title": "Mine"})
    assert (refused(transaction), team.title, team.version) == ({"item"}, "Engines", 1)


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
    transaction.delete("item", team)
    assert refused(transaction) == {"item"}


def test_a_change_does_not_revive_a_deleted_item() -> None:
    """An update of what is gone is refused."""
    team = written(1)
    deletion = Transaction()
    deletion.delete("item", stored(1))
    deletion.commit()
    transaction = Transaction()
    transaction.change("item", team, {"title": "Revived"})
    assert refused(transaction) == {"item"}
    assert dump_table() == []


def test_adding_makes_an_item_that_can_be_read() -> None:
    """An item that counting makes has its kind and its times."""
    for _ in range(2):
        transaction = Transaction()
        transaction.add("team", make(1), [Team.member_count.add(3), Team.version.add(1)])
        transaction.commit()
    team = stored(1)
    assert (team.member_count, team.version, team.created <= team.updated) == (6, 2, True)


def test_adding_keeps_the_creation_time() -> None:
    """Created is set once."""
    team = written(1)
    transaction = Transaction()
    transaction.add("team", make(1), [Team.member_count.add(1), Team.version.add(1)])
    transaction.commit()
    assert stored(1).created == team.created


def test_a_check_alone_writes_nothing() -> None:
    """A condition of an item that is not written."""
    written(1)
    before, transaction = dump_table(), Transaction()
    transaction.check("check", Team, key(1), Team.title == "Engines")
    transaction.commit()
    assert dump_table() == before


def test_a_transaction_is_one_request_with_a_token() -> None:
    """Transactions carry a ClientRequestToken."""
    transaction = Transaction()
    for number in range(20):
        transaction.put(f"team {number}", make(number))
    with wire() as sent:
        transaction.commit()
    assert [(call.operation, bool(call.body["ClientRequestToken"])) for call in sent] == [
        ("TransactWriteItems", True)
    ]
