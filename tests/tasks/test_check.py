"""`invoke db.check`: each kind of damage is found and repaired, and sound items are not changed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from pynamodb.attributes import UnicodeAttribute

from chalicelib.db import counters, keys
from chalicelib.db.keys import Key
from chalicelib.db.table import Item, connection, get_many, now
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.teams.models import Cleanup, Member, new_member
from chalicelib.users.models import User
from tasks.data.counts import Counts
from tasks.data.items import known_kinds
from tests.acting import create_team, delete_team
from tests.api.oauth_tools import password
from tests.conftest import PASSWORD
from tests.http import Client
from tests.support import MakeClient, MakeUser, SignIn, TokenFor, confirmed, dump_table, replace
from tests.tasks.check_tools import (
    GHOST,
    Damage,
    Scene,
    changed,
    copied,
    deleted,
    email,
    make_scene,
    says,
    username,
)


@pytest.fixture
def scene(api: Client, make_user: MakeUser, admin: User, app: OAuth2Client, sign_in: SignIn) -> Scene:
    """One of everything."""
    return make_scene(api, make_user, admin, app, sign_in)


def test_a_sound_table_is_left_alone(scene: Scene) -> None:
    """Nothing is found, nothing is changed, --fix or not."""
    before = dump_table()
    assert (scene.check(), scene.check(fix=True)) == (True, True)
    assert scene.said == [f"{len(before)} items: no findings."]
    assert dump_table() == before


def lose_member(scene: Scene) -> None:
    """A user who is a member, but no leader, is gone without a trace."""
    (member,) = [item for item in members_of(scene) if not item.is_leader]
    user = User.get(*keys.user(member.user_id))
    for key in (user.key, username(user), email(user)):
        deleted(key)


def members_of(scene: Scene) -> list[Member]:
    """The memberships of the scene's team."""
    return [Member.from_raw_data(item) for item in dump_table() if item["kind"]["S"] == "member"]


def make_stuck(scene: Scene) -> None:
    """A team was deleted two hours ago, and its memberships are still there."""
    scene.team.refresh()
    delete_team(scene.team)
    note = Cleanup.get(*keys.cleanup(scene.team.id))
    note.update([Cleanup.created.set(now() - timedelta(hours=2))])


def list_membership(scene: Scene) -> None:
    """A membership stands among the teams."""
    for name in ("gsi1pk", "gsi1sk"):
        changed(keys.member(scene.team.id, scene.user.id), name, {"S": keys.TEAMS})


def damage_all(scene: Scene) -> None:
    """Several things are wrong at once."""
    lose_member(scene)
    deleted(username(scene.user))
    changed(email(scene.admin), "user_id", {"S": scene.user.id})
    changed(scene.user.key, "gsi1sk", None)
    changed(scene.team.key, "leader_count", {"N": "0"})


MENDED: dict[str, tuple[Damage, str]] = {
    "a username's marker is missing": (
        lambda scene: deleted(username(scene.user)),
        r"USER#.*: nothing marks its username as taken",
    ),
    "an e-mail address's marker is missing": (
        lambda scene: deleted(email(scene.user)),
        r"nothing marks its email",
    ),
    "a marker points to another user": (
        lambda scene: changed(email(scene.user), "user_id", {"S": scene.admin.id}),
        r"USER#.*: its email is marked as that of USER#",
    ),
    "a marker points to nobody": (
        lambda scene: changed(username(scene.user), "user_id", {"S": GHOST}),
        r"its username is marked as that of",
    ),
    "a marker without a user": (
        lambda scene: copied(email(scene.user), keys.email("ghost@test.example"), user_id=GHOST),
        r"EMAIL#ghost.*: its user is gone",
    ),
    "a marker of a name that its user had once": (
        lambda scene: copied(email(scene.user), keys.email("old@test.example")),
        r"EMAIL#old.*: its user, \w+, has another value",
    ),
    "a membership without a team": (
        lambda scene: new_member(GHOST, scene.user.id, "user", is_leader=True).save(),
        r"TEAM#01ARZ.* MEMBER#.*: its team is gone",
    ),
    "a membership without a user": (lose_member, r"MEMBER#.*: its user is gone"),
    "a team that counts wrong": (
        lambda scene: changed(scene.team.key, "member_count", {"N": "7"}),
        r"says 7 members and 1 leaders, but has 2 and 1",
    ),
    "a counter that is too high": (
        lambda _: says(keys.counter(keys.ADMINS), 2),
        r"COUNTER#ADMINS.*says 2, but there are 1",
    ),
    "a counter that is gone": (
        lambda _: deleted(*counters.every_shard(keys.TEAMS)),
        r"COUNTER#TEAMS.*says 0, but there are 1",
    ),
    "a counter of nothing": (
        lambda scene: says(keys.counter(keys.consents_of(scene.admin.id), 3), -1),
        r"says -1, but there are 0",
    ),
    "a consent that nobody counts": (
        lambda scene: deleted(*counters.every_shard(keys.consents_of(scene.user.id))),
        r"COUNTER#CONSENTS#.*says 0, but there are 1",
    ),
    "a family without a user": (
        lambda scene: copied(scene.family, keys.family(GHOST, GHOST), user_id=GHOST),
        r"FAMILY#.*: its user is gone",
    ),
    "a user who is not listed": (
        lambda scene: changed(scene.user.key, "gsi1pk", None),
        r"is not listed where it should be",
    ),
    "a team that is listed in a wrong place": (
        lambda scene: changed(scene.team.key, "gsi1sk", {"S": "first"}),
        r"TEAM#.*is not listed where",
    ),
    "a membership that is listed": (list_membership, r"MEMBER#.*is not listed where"),
    "a team in deletion for hours": (make_stuck, r"CLEANUP TEAM#.*: memberships of a deleted team"),
    "a note to clean up after a team that lives": (
        lambda scene: Cleanup.at(keys.cleanup(scene.team.id), team_id=scene.team.id).save(),
        r"is a clean-up note for a team that exists",
    ),
    "several at once": (damage_all, r" 7 findings"),
}


@pytest.mark.parametrize("name", MENDED)
def test_damage_is_found_and_mended(scene: Scene, token_for: TokenFor, name: str) -> None:
    """Reported in one line and repaired by --fix; afterwards the check is clean and the API works."""
    plant, line = MENDED[name]
    plant(scene)
    damaged = dump_table()
    assert scene.check() is False
    assert any(re.search(line, said) for said in scene.said), scene.said
    assert dump_table() == damaged
    assert scene.check(fix=True) is True, scene.said
    assert scene.said[-1].endswith("items: no findings.")
    assert works(scene, token_for)


def works(scene: Scene, token_for: TokenFor) -> bool:
    """Sign in, and change what markers and counters guard."""
    assert password(scene.api, "user", PASSWORD).status == 200
    token = token_for(User.get(*scene.user.key))
    move = confirmed(PASSWORD, replace("/email", "elsewhere@test.example"))
    assert scene.api("PATCH", f"/api/v1/users/{scene.user.id}", token=token, data=move).status == 200
    assert scene.api("POST", "/api/v1/teams", token=token, data={"title": "Looms"}).status == 201
    teams = scene.api("GET", "/api/v1/teams", token=token)
    assert str(len(teams.json)) == teams.headers["x-total-count"]
    return scene.check()


def two_of_one_name(scene: Scene) -> None:
    """Another user has the same e-mail address, whose marker is his."""
    changed(scene.user.key, "email", {"S": scene.admin.email})
    deleted(email(scene.user))


def without_leader(scene: Scene) -> None:
    """The only leader's membership is lost."""
    deleted(keys.member(scene.team.id, scene.user.id))


TOLD: dict[str, tuple[Damage, str]] = {
    "two users of one name": (two_of_one_name, r"Not for --fix: both have it"),
    "a team that nobody leads": (without_leader, r"nobody leads it\. Not for --fix"),
    "a client without an owner": (
        lambda scene: changed(scene.app.key, "user_id", {"S": GHOST}),
        r"CLIENT#app.*: its owner, 01ARZ\w+, is gone",
    ),
    "an unknown kind": (
        lambda scene: changed(scene.family, "kind", {"S": "riddle"}),
        r"is of the kind 'riddle', which this code",
    ),
    "a schema of the future": (
        lambda scene: changed(scene.user.key, "schema", {"N": "9"}),
        r"has schema 9 of user, newer than this code's 1",
    ),
    "a membership that says it is another's": (
        lambda scene: changed(keys.member(scene.team.id, scene.user.id), "team_id", {"S": GHOST}),
        rf"MEMBER#\w+: says it is TEAM#{GHOST} MEMBER#",
    ),
    "a user that says it is another": (
        lambda scene: changed(scene.user.key, "id", {"S": GHOST}),
        rf"USER#\w+ USER: says it is USER#{GHOST} USER",
    ),
    "an invalid schema": (
        lambda scene: changed(scene.user.key, "schema", {"N": "1.5"}),
        r"has schema 1\.5, which is not a number of at least 1",
    ),
    "an attribute is missing": (lambda scene: changed(scene.user.key, "email", None), r"lacks email"),
    "an attribute is null": (lambda scene: changed(scene.user.key, "email", {"NULL": True}), r"lacks email"),
    "a version is missing": (lambda scene: changed(scene.user.key, "version", None), r"lacks version"),
    "a stamp is missing": (lambda scene: changed(scene.user.key, "created", None), r"lacks created"),
    "an attribute of another type": (
        lambda scene: changed(scene.user.key, "is_admin", {"S": "yes"}),
        r"can't be read",
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_nobody_can_know_is_told(scene: Scene, name: str) -> None:
    """Where the right value is unknown, --fix does not guess, and the status stays 1."""
    plant, line = TOLD[name]
    plant(scene)
    assert scene.check() is False
    assert any(re.search(line, said) for said in scene.said), scene.said
    kept = {key: get_many([key]) for key in (username(scene.user), email(scene.admin))}
    assert scene.check(fix=True) is False
    assert any(re.search(line, said) for said in scene.said), scene.said
    assert {key: get_many([key]).keys() for key in kept} == {key: kept[key].keys() for key in kept}


@pytest.mark.parametrize(("name", "value"), [("schema", {"N": "9"}), ("is_admin", {"S": "yes"})])
def test_what_cannot_be_read_is_counted_all_the_same(scene: Scene, name: str, value: dict[str, str]) -> None:
    """Older code cannot count items of newer kinds, so it lowers no counter."""
    changed(scene.admin.key, name, value)
    before = dump_table()
    assert scene.check(fix=True) is False
    advice = "Not for --fix: may count items that this code can't read."
    assert [line.endswith(advice) for line in scene.said if "COUNTER" in line] == [True, True]
    assert dump_table() == before


@pytest.mark.parametrize(("name", "value"), [("kind", {"S": "riddle"}), ("is_leader", {"S": "yes"})])
def test_a_member_who_cannot_be_read_is_told(scene: Scene, name: str, value: dict[str, str]) -> None:
    """Once, and the team's own counts stay."""
    changed(keys.member(scene.team.id, scene.user.id), name, value)
    before = dump_table()
    assert scene.check(fix=True) is False
    assert (len(scene.said), "MEMBER#" in scene.said[0]) == (2, True)
    assert dump_table() == before


def test_what_a_deleted_client_leaves_is_no_damage(scene: Scene, token_for: TokenFor) -> None:
    """Families, codes and consents of a deleted client reach nothing; --fix removes them."""
    token = token_for(scene.admin)
    assert scene.api("DELETE", "/api/v1/auth/oauth2_clients/app", token=token).status == 204
    assert scene.check() is True
    assert scene.said[-1].endswith("no findings, and 2 left over from deletions.")
    assert any("CONSENT#app: is left over from the client app" in line for line in scene.said)
    assert scene.check(fix=True) is True
    assert scene.said[-1].endswith("items: no findings.")
    grants = scene.api("GET", "/api/v1/users/me/grants", token=token_for(scene.user))
    assert (grants.json, grants.headers["x-total-count"]) == ([], "0")


class Gadget(Item, discriminator="gadget"):
    """A resource as module.create makes them."""

    id = UnicodeAttribute()
    user_id = UnicodeAttribute()

    def listed(self) -> tuple[str, str]:
        """As generated."""
        return "GADGETS", self.id


def test_a_generated_kind_is_checked_like_any_other(scene: Scene) -> None:
    """Counters, listings and owners follow from what a kind says of itself."""
    known_kinds.cache_clear()
    keys_of = [Key(f"GADGET#{number}", "GADGET") for number in range(3)]
    for number, key in enumerate(keys_of):
        Gadget.at(key, id=str(number), user_id=scene.user.id).save()
    changed(keys_of[1], "gsi1pk", None)
    changed(keys_of[2], "user_id", {"S": GHOST})
    assert scene.check() is False
    advice = "delete it as an admin, or restore the user from a backup"
    assert scene.said[:-1] == [
        "GADGET#1 GADGET: is not listed where it should be. --fix lists it at 1 in GADGETS.",
        f"GADGET#2 GADGET: its owner, {GHOST}, is gone. Not for --fix: {advice}.",
        "COUNTER#GADGETS SHARD#0: says 0, but there are 3. --fix corrects it.",
    ]
    changed(keys_of[2], "user_id", {"S": scene.user.id})
    assert scene.check(fix=True) is True


def test_names_go_back_to_whom_they_belong(scene: Scene) -> None:
    """A marker that points to the wrong user is never free for a moment."""
    changed(email(scene.user), "user_id", {"S": scene.admin.id})
    scene.check(fix=True)
    assert [line for line in scene.said if "frees the value" in line] == []
    marker = get_many([email(scene.user)])[email(scene.user)]
    assert (marker.attribute_values["item_id"], marker.version) == (scene.user.id, 1)


def test_a_day_of_work_leaves_a_sound_table(
    scene: Scene, token_for: TokenFor, make_user: MakeUser, make_client: MakeClient
) -> None:
    """After any operation of the API, deletions included, the check finds nothing."""
    api, token, root = scene.api, token_for(scene.user), token_for(scene.admin)
    others = [make_user(f"other{number}") for number in range(3)]
    for other in others:
        body = {"user_id": other.id, "is_leader": other is others[0]}
        assert api("POST", f"/api/v1/teams/{scene.team.id}/members", token=token, data=body).status == 201
    for gone in (others[1], scene.user):
        path = f"/api/v1/teams/{scene.team.id}/members/{gone.id}"
        assert api("DELETE", path, token=root).status == 204
    create_team("Looms", scene.user.id, "user")
    assert api("DELETE", f"/api/v1/teams/{scene.team.id}", token=root).status == 204
    assert scene.check(), "memberships wait for the clean-up, and that is no damage"
    roles = confirmed(PASSWORD, replace("/is_admin", True))
    assert api("PATCH", f"/api/v1/users/{others[0].id}", token=root, data=roles).status == 200
    off = confirmed(PASSWORD, replace("/is_active", False))
    assert api("PATCH", f"/api/v1/users/{others[0].id}", token=root, data=off).status == 200
    assert api("DELETE", "/api/v1/users/me/grants/app", token=token).status == 204
    secret = make_client("doomed", scene.user)
    assert api("DELETE", f"/api/v1/auth/oauth2_clients/{secret.client_id}", token=token).status == 204
    password(api, "user", "a wrong password")
    password(api, "stranger", "a wrong password")
    assert scene.check(), scene.said


@contextmanager
def team_before_each_scan(scene: Scene) -> Iterator[None]:
    """Somebody makes a team whenever the table is about to be counted."""

    def make(**_: object) -> None:
        create_team("Looms", scene.user.id, "user")

    events = connection().connection.client.meta.events
    events.register("before-call.dynamodb.Scan", make)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb.Scan", make)


@pytest.mark.parametrize(("off", "told"), [(0, []), (500, ["is wrong, and is constantly written to"])])
def test_a_counter_that_is_written_to_is_judged_by_how_often(scene: Scene, off: int, told: list[str]) -> None:
    """Small differences may be writes under way; larger ones are damage of unknown size."""
    says(keys.counter(keys.TEAMS), 1 + off)
    for key in counters.every_shard(keys.TEAMS)[1:]:
        deleted(key)
    counts = Counts()
    counts.there[keys.TEAMS] = 99  # as a pass may see it while teams come and go
    with team_before_each_scan(scene):
        found = list(counts.findings())
    assert [(finding.text, finding.mend) for finding in found] == [(text, None) for text in told]
