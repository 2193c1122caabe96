"""Export, check and migration of AWS's DynamoDB Local, while others read and write."""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.oauth.authorize.models import Consent
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.teams.models import Member, new_member
from chalicelib.users.models import User
from tasks.data import copy
from tasks.data.check import check
from tasks.data.migrate import migrate
from tasks.migrations import MIGRATIONS
from tests.acting import add_member, create_team, delete_team, remove_member
from tests.integration.crowd import at_once
from tests.integration.wire import meanwhile
from tests.support import MakeUser, dump_table
from tests.tasks.check_tools import changed, says
from tests.tasks.data_tools import other_table

pytestmark = pytest.mark.integration
MEMBERS = 400  # whose items take more than one page of a Scan, since each is large


@contextmanager
def traffic(leader: User, other: User) -> Iterator[None]:
    """Make, fill and delete teams for as long as the context lasts."""
    ended = threading.Event()

    def work() -> None:
        for number in itertools.count():
            if ended.is_set():
                return
            team = create_team(f"Team {number}", leader.id, leader.username)
            member = add_member(team, other, is_leader=False)
            if number % 3 == 0:
                remove_member(team, member)
            if number % 2 == 0:
                team.refresh()
                delete_team(team)

    with ThreadPoolExecutor(2) as pool:
        todo = [pool.submit(work) for _ in range(2)]
        try:
            yield
        finally:
            ended.set()
        for each in todo:
            each.result()


def fill(user: User) -> None:
    """Write a team of so many that a Scan has several pages."""
    team = create_team("Engines", user.id, user.username)
    with Member.batch_write() as batch:
        for _ in range(MEMBERS - 1):
            batch.save(new_member(team.id, keys.new_id(), "x" * 4_000, is_leader=False))


def test_an_export_of_several_pages_is_complete(user: User, tmp_path: Path) -> None:
    """Behaviour 66: over a megabyte, imported by several threads, and again."""
    fill(user)
    items, path = dump_table(), tmp_path / "export.jsonl.gz"
    assert copy.export(path) == len(items) > MEMBERS
    with other_table():
        assert copy.load(path) == (len(items), 0)
        assert dump_table() == items
        assert copy.load(path, merge=True) == (0, len(items))
        assert dump_table() == items


def test_a_check_in_live_traffic_finds_nothing(user: User, make_user: MakeUser) -> None:
    """Concurrent writes are not damage, and --fix does not change them."""
    other, said = make_user("other"), list[str]()
    with traffic(user, other):
        for _ in range(5):
            assert check(fix=True, say=said.append), said
    assert all(line.endswith("items: no findings.") for line in said), said
    assert check(say=said.append), said


def test_counters_are_mended_in_live_traffic(user: User, make_user: MakeUser) -> None:
    """What is counted while a counter is repaired is not lost."""
    other, shard = make_user("other"), keys.counter(keys.TEAMS, 3)
    create_team("Engines", user.id, user.username)
    says(shard, 500)
    with traffic(user, other):
        assert not check(say=lambda _: None)  # far more than what may be under way
        check(fix=True, say=lambda _: None)
    said: list[str] = []
    assert check(fix=True, say=said.append), said
    assert check(say=said.append), said


def test_a_correction_that_comes_too_late_is_made_anew(user: User) -> None:
    """A team that is made between counting and correcting is counted once."""
    create_team("Engines", user.id, user.username)
    says(keys.counter(keys.TEAMS), 7)
    said: list[str] = []
    with meanwhile(lambda: create_team("Looms", user.id, user.username)):
        assert check(fix=True, say=said.append), said
    assert any("It changed in the meantime: looking again." in line for line in said)
    assert check(say=said.append), said


def test_two_migrations_at_once_write_each_item_once(user: User, app: OAuth2Client) -> None:
    """The second run finds nothing to do."""
    found = [keys.consent(user.id, f"client-{number}") for number in range(60)]
    for key in found:
        client_id = key.sk.removeprefix(keys.CONSENTS)
        Consent.at(key, consent_id="1", user_id=user.id, client_id=client_id, scope="").save()
        changed(key, "schema", None)

    def run() -> bool:
        return migrate(MIGRATIONS, rate=10_000, say=lambda _: None)

    assert at_once([run, run]) == [True, True]
    items = get_many(found)
    assert {(item.schema, item.version) for item in items.values()} == {(2, 2)}
    assert len(items) == 60
