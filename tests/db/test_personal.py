"""What an index finds of a person: all of it, on whatever pages, and nothing of others."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.attributes import UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.clean_up import clear_each, delete_each
from chalicelib.db.companions import entries_of
from chalicelib.db.keys import Key
from chalicelib.db.personal import Person, Personal, Place, shown
from chalicelib.db.relations import Index, Reference
from chalicelib.db.table import BATCH_READ_LIMIT, Item, connection, delete_many, get_many
from chalicelib.db.transaction import Transaction
from chalicelib.db.unique import UniqueName
from chalicelib.privacy.actions import clean_up
from chalicelib.privacy.export import START, read_all, read_page
from chalicelib.privacy.export import Place as PageEnd
from chalicelib.privacy.models import Erasure
from tests.items import change
from tests.targets import FIRST, SECOND, put_user

TASKS = "TASKS"


def places(person: Person) -> list[Place]:
    """Where the tasks of a person are."""
    return [Place(Index("user_id").search(TASKS, person.id)[0], finds=True)]


@pytest.fixture
def kind(table: None) -> Iterator[type[Any]]:
    """Tasks of two users, which are deleted with the account."""

    class Task(Item, discriminator="task"):
        """A task, and who is to do it."""

        personal = Personal(places=places, show=shown("id"), erase=lambda items, _: delete_each(items))
        references = (Reference(attribute="user_id", listing=TASKS, key=keys.user, when_deleted="erasure"),)
        indexes = (Index("user_id"),)

        id = UnicodeAttribute()
        user_id = UnicodeAttribute(null=True)

        def listed(self) -> tuple[str, str]:
            return TASKS, self.id

    put_user(FIRST)
    put_user(SECOND)
    registry: Any = Item.kind
    try:
        yield Task
    finally:
        del registry._class_map[Task], registry._discriminator_map["task"]


def written(kind: type[Any], number: int) -> list[Any]:
    """Tasks of the first user."""
    found = []
    for each in range(number):
        task = kind.at(Key(f"TASK#{each:03}", "TASK"), id=f"{each:03}", user_id=FIRST)
        work = Transaction()
        work.put(task)
        work.commit()
        found.append(task)
    return found


def exported(limit: int) -> list[str]:
    """The ids of the tasks that an export of the first user shows."""
    found = list[str]()
    start: PageEnd | None = START
    while start:
        entries, start = read_page(Person(FIRST, ""), start, limit)
        found += [entry["item"]["id"] for entry in entries if entry["kind"] == "task"]
    return found


def erase() -> None:
    """Erase what the first user has left."""
    Erasure.at(keys.erasure(FIRST), user_id=FIRST, email="").save()
    while clean_up(timedelta(0)):
        pass


def test_an_export_has_more_than_one_request_reads(kind: type[Any]) -> None:
    """The longest page reads one more than it shows, and BatchGetItem takes 100 keys (AWS quota)."""
    written(kind, BATCH_READ_LIMIT + 1)
    assert len([entry for entry in read_all(Person(FIRST, "")) if entry["kind"] == "task"]) == 101


def test_what_was_deleted_a_moment_ago_ends_no_export(kind: type[Any]) -> None:
    """Its entries are read over."""
    tasks = written(kind, 9)
    delete_many([task.key for task in tasks[1:6]])
    assert exported(limit=3) == ["000", "006", "007", "008"]


def test_what_was_deleted_a_moment_ago_ends_no_erasure(kind: type[Any]) -> None:
    """Even if the entries are more than a batch."""
    tasks = written(kind, 30)
    delete_many([task.key for task in tasks[:26]])
    erase()
    assert get_many(task.key for task in tasks) == {}


@pytest.mark.parametrize("erasing", [delete_each, lambda items: clear_each(items, "user_id")])
def test_what_is_anothers_by_now_is_left_alone(
    kind: type[Any], erasing: Callable[[Sequence[Any]], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the index, which follows a moment later, still has it under the person."""
    monkeypatch.setattr(
        kind, "personal", Personal(places=places, show=shown("id"), erase=lambda items, _: erasing(items))
    )
    (task,) = written(kind, 1)
    (entry,) = entries_of(task)
    change(task, user_id=SECOND)
    connection().connection.client.put_item(TableName=Item.Meta.table_name, Item=entry.serialize())
    assert exported(limit=3) == []
    erase()
    assert get_many([task.key])[task.key].user_id == SECOND  # type: ignore[attr-defined]


def test_what_somebody_else_took_meanwhile_stays_taken(
    kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure in batches frees the unique values of what it deletes, and no others."""
    monkeypatch.setattr(kind, "personal", Personal(places=places))
    monkeypatch.setattr(kind, "unique", lambda task: {"id": keys.unique_value("task", "id", task.id)})
    tasks = written(kind, 2)
    markers = [task.unique()["id"] for task in tasks]
    connection().connection.client.put_item(
        TableName=Item.Meta.table_name,
        Item=UniqueName.of(kind.at(tasks[1].key, id="999"), markers[1], version=1).serialize(),
    )
    erase()
    assert get_many([*markers, *(task.key for task in tasks)]).keys() == {markers[1]}
