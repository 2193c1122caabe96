"""`invoke db.migrate`: items of older schemas are brought up once each, whatever happens in between."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from pynamodb.attributes import UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from chalicelib.oauth.authorize.models import Consent
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tasks.commands import db
from tasks.data.check import check
from tasks.data.items import known_kinds
from tasks.data.migrate import Migration, migrate
from tasks.errors import TaskError
from tasks.migrations import MIGRATIONS
from tests.acting import create_team
from tests.api.oauth_tools import at_call
from tests.faults import WRITES, Killed, killed_before_write, wire
from tests.http import Client
from tests.support import MakeClient, TokenFor, dump_table
from tests.tasks.check_tools import changed, deleted
from tests.tasks.operators import refused

NAMES = {"app": "Planner & Co <b>", "nameless": "nameless", "gone": "gone", "kept": "Before"}


def run(*, dry_run: bool = False, migrations: Iterable[Migration] = MIGRATIONS) -> list[str]:
    """Migrate without waiting, and return the output."""
    said: list[str] = []
    ended = migrate(migrations, rate=100, dry_run=dry_run, say=said.append, sleep=lambda _: None)
    return said if ended else [*said, "failed"]


@pytest.fixture
def old(user: User, admin: User, app: OAuth2Client, make_client: MakeClient) -> list[Key]:
    """Consents as schema 1 had them: of a named client, a nameless one, one that is gone, and a kept name."""
    make_client("nameless", admin)
    make_client("kept", admin, client_name="After")
    found = []
    for client_id in NAMES:
        values = {"client_name": "Before" if client_id == "kept" else "", "scope": "teams:read"}
        item = Consent.at(
            keys.consent(user.id, client_id), consent_id="1", user_id=user.id, client_id=client_id, **values
        )
        item.save()
        changed(item.key, "schema", None)
        found.append(item.key)
    return found


def consents() -> dict[str, tuple[str, int, int]]:
    """Name, schema and version of each consent."""
    found = [Consent.from_raw_data(item) for item in dump_table() if item["kind"]["S"] == "consent"]
    return {each.client_id: (each.client_name, int(each.schema or 1), each.version) for each in found}


def test_consents_get_the_name_that_people_know(
    old: list[Key], api: Client, user: User, token_for: TokenFor
) -> None:
    """The real example, schema 2 of consents; no signed-in app is without a name."""
    before = api("GET", "/api/v1/users/me/grants", token=token_for(user)).json
    assert run()[0] == "consent, schema 1 to 2, names the client where its name is empty: 4 items migrated."
    assert consents() == {client_id: (name, 2, 2) for client_id, name in NAMES.items()}
    after = api("GET", "/api/v1/users/me/grants", token=token_for(user)).json
    assert {each["client_id"]: each["client_name"] for each in after} == NAMES
    assert [each["updated"] for each in after] == [each["updated"] for each in before]


def test_a_second_run_changes_nothing(old: list[Key]) -> None:
    """What is migrated stays as it is."""
    run()
    before = dump_table()
    assert run()[0].endswith(" 0 items migrated.")
    assert dump_table() == before


def test_a_dry_run_counts_and_writes_nothing(old: list[Key]) -> None:
    """It prints how many items there are."""
    before = dump_table()
    assert run(dry_run=True)[0].endswith(" 4 items to migrate.")
    assert dump_table() == before


@pytest.mark.parametrize("number", range(4))
def test_a_migration_killed_at_any_write_converges(old: list[Key], number: int) -> None:
    """Stopped before any write and run again, the table is the same as without the stop."""
    with wire(killed_before_write(number)) as sent, pytest.raises(Killed):
        run()
    assert len([request for request in sent if request.operation in WRITES]) == number + 1
    assert sum(schema == 2 for _, schema, _ in consents().values()) == number
    assert run()[0].endswith(f" {4 - number} items migrated.")
    assert consents() == {client_id: (name, 2, 2) for client_id, name in NAMES.items()}


def test_what_is_written_meanwhile_is_kept(old: list[Key]) -> None:
    """An item that somebody else changes between read and write is read again."""

    def widen() -> None:
        changed(old[0], "scope", {"S": "users:read"})
        changed(old[0], "version", {"N": "2"})

    with at_call("TransactWriteItems", widen):
        assert run()[0].endswith(" 4 items migrated.")
    item = Consent.get(*old[0])
    assert (item.scope, item.client_name, item.schema, item.version) == ("users:read", NAMES["app"], 2, 3)


def test_what_is_deleted_meanwhile_stays_away(old: list[Key]) -> None:
    """A migration does not recreate deleted items."""
    with at_call("TransactWriteItems", lambda: deleted(old[0])):
        assert run()[0].endswith(" 3 items migrated.")
    assert consents().keys() == NAMES.keys() - {"app"}


def test_an_older_consent_works_before_and_after(
    old: list[Key], api: Client, user: User, token_for: TokenFor
) -> None:
    """The code reads both forms, so it is deployed first and migrates later."""
    token = token_for(user)
    assert api("DELETE", "/api/v1/users/me/grants/nameless", token=token).status == 204
    run()
    assert api("DELETE", "/api/v1/users/me/grants/app", token=token).status == 204


def test_new_items_need_no_migration(old: list[Key], user: User) -> None:
    """What is written today carries its schema, and a kind of schema 1 carries none."""
    assert Consent.at(keys.consent(user.id, "new")).schema == 2
    assert all("schema" not in item for item in dump_table() if item["kind"]["S"] == "user")


def test_memberships_of_before_are_listed_under_their_user(
    api: Client, user: User, token_for: TokenFor
) -> None:
    """Schema 2 of memberships: until the migration, people do not see the teams that they joined before."""
    key, token = keys.member(create_team("Engines", user.id, user.username).id, user.id), token_for(user)
    for name in ("schema", "gsi1pk", "gsi1sk"):
        changed(key, name, None)
    before = api("GET", "/api/v1/users/me/teams", token=token).json
    assert run()[1] == "member, schema 1 to 2, lists it under its user: 1 items migrated."
    after = api("GET", "/api/v1/users/me/teams", token=token).json
    assert (before, [team["title"] for team in after], check(say=lambda _: None)) == ([], ["Engines"], True)


def test_teams_of_before_are_found_by_their_titles(api: Client, user: User, token_for: TokenFor) -> None:
    """Schema 2 of teams: until the migration, only teams that are new or renamed are found."""
    team, token = create_team("Engines", user.id, user.username), token_for(user)
    deleted(keys.index_entry(*team.key, "title"))
    changed(team.key, "schema", None)
    path, shown = "/api/v1/teams?title=eng", api("GET", f"/api/v1/teams/{team.id}", token=token).json
    before = api("GET", path, token=token).json
    assert run()[2] == "team, schema 1 to 2, finds it by its title: 1 items migrated."
    after = api("GET", path, token=token).json
    assert (before, [each["id"] for each in after], check(say=lambda _: None)) == ([], [team.id], True)
    assert api("GET", f"/api/v1/teams/{team.id}", token=token).json == shown


def test_each_step_of_each_kind_is_there() -> None:
    """A new schema needs a migration step."""
    wanted = {(kind, to) for kind in known_kinds().values() for to in range(2, kind.SCHEMA + 1)}
    assert {(step.kind, step.to) for step in MIGRATIONS} == wanted
    assert len(MIGRATIONS) == len(wanted)


def test_a_missing_step_is_told_before_anything_is_written(old: list[Key]) -> None:
    """With the name of what is missing."""
    before = dump_table()
    with pytest.raises(TaskError, match=r"no step for \w+ to schema 2"):
        run(migrations=[])
    assert dump_table() == before


@pytest.mark.parametrize("rate", ["0", "-1"])
def test_a_rate_is_positive(rate: str) -> None:
    """A wrong argument gives one clear line."""
    refused("--rate", db.migrate, rate=rate)


def test_a_damaged_item_holds_up_nothing(old: list[Key]) -> None:
    """It is reported, and the others are migrated."""
    changed(old[1], "created", {"S": "once"})
    said = run()
    assert said[0].endswith(" 3 items migrated.")
    assert (said[-2].split(":")[0], said[-1]) == ("Not migrated", "failed")


class Gauge(Item, discriminator="gauge"):
    """A kind in its third schema, which has a new attribute that must be there."""

    SCHEMA = 3
    unit = UnicodeAttribute()
    text = UnicodeAttribute()


STEPS: list[Migration] = [
    *MIGRATIONS,
    Migration(Gauge, 2, "adds the unit", lambda _: {"unit": "mm"}),
    Migration(Gauge, 3, "adds the text", lambda gauge: {"text": f"in {gauge.unit}"}),
]


def test_steps_follow_each_other(table: None) -> None:
    """An item goes through all the steps that it lacks, with one write."""
    known_kinds.cache_clear()
    Gauge.SCHEMA = 3
    values: Mapping[str, Mapping[str, Any]] = {
        "1": {},
        "2": {"unit": "cm"},
        "3": {"unit": "m", "text": "in m"},
    }
    try:
        for schema, attributes in values.items():
            gauge = Gauge.at(Key(f"GAUGE#{schema}", "GAUGE"), **{"unit": "", "text": "", **attributes})
            gauge.save()
            changed(gauge.key, "schema", {"N": schema})
            for name in {"unit", "text"} - attributes.keys():
                changed(gauge.key, name, None)
        assert check(say=lambda _: None)
        with wire() as sent:
            done = [line.split(": ")[1] for line in run(migrations=STEPS)]
        assert done[len(MIGRATIONS) :] == ["1 items migrated.", "2 items migrated."]
        assert len([request for request in sent if request.operation in WRITES]) == 2
        texts = [Gauge.get(f"GAUGE#{schema}", "GAUGE").text for schema in values]
        assert texts == ["in mm", "in cm", "in m"]
    finally:
        Gauge.SCHEMA = 1  # other tests know no such steps


Gauge.SCHEMA = 1


def test_a_unique_value_is_marked_anew(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step may change what an action may: whatever goes with the value is written with it."""
    monkeypatch.setattr(User, "SCHEMA", 2)
    step = Migration(User, 2, "renames it", lambda item: {"username": f"new-{item.username}"})
    run(migrations=[*MIGRATIONS, step])
    marked = [item["pk"]["S"] for item in dump_table() if item["sk"]["S"] == "USERNAME"]
    assert (marked, check(say=lambda _: None)) == ([f"USERNAME#new-{user.username}"], True)


def test_writes_keep_to_the_rate(old: list[Key]) -> None:
    """Each write is preceded by a pause."""
    waits: list[float] = []
    assert migrate(MIGRATIONS, rate=10, say=lambda _: None, sleep=waits.append)
    assert waits == [0.1] * len(old)
