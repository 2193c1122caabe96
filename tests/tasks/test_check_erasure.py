"""`invoke db.check` and erasures: one that is under way is no damage, one that is stuck is."""

from datetime import timedelta

import pytest

from chalicelib.db import keys
from chalicelib.db.table import now
from chalicelib.invitations.actions import invite
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.privacy.actions import erase_user
from chalicelib.privacy.models import Erasure
from chalicelib.teams.models import Member, Team
from chalicelib.users.models import User
from tests.acting import add_member, delete_team
from tests.http import Client
from tests.support import MakeUser, SignIn, items_naming, perform
from tests.tasks.check_tools import Scene, make_scene


@pytest.fixture
def scene(api: Client, make_user: MakeUser, admin: User, app: OAuth2Client, sign_in: SignIn) -> Scene:
    """One of everything; the user, who leads a team, has just been erased."""
    scene = make_scene(api, make_user, admin, app, sign_in)
    add_member(scene.team, admin, is_leader=True)
    perform(erase_user, User.get(*scene.user.key))
    return scene


def test_an_erasure_that_is_under_way_is_no_damage(scene: Scene) -> None:
    """What is left goes within minutes, so nothing is reported, nor repaired."""
    before = items_naming(scene.user.id)
    assert (scene.check(fix=True), scene.said[0].endswith("no findings.")) == (True, True)
    assert items_naming(scene.user.id) == before


def test_an_erasure_that_is_stuck_is_finished(scene: Scene) -> None:
    """After an hour it is reported in one line, and --fix erases the rest."""
    note = Erasure.get(*keys.erasure(scene.user.id))
    note.update([Erasure.created.set(now() - timedelta(hours=2))])
    assert scene.check() is False
    assert "an account is being erased since" in scene.said[0]
    assert scene.check(fix=True) is True
    assert scene.check() is True
    assert {item["kind"]["S"] for item in items_naming(scene.user.id)} <= {"audit_event", "tally"}


def test_a_note_about_an_account_that_exists_is_removed(scene: Scene) -> None:
    """As after a restore from a backup: nothing of the account is erased."""
    other = scene.admin
    Erasure.at(keys.erasure(other.id), user_id=other.id, email=other.email).save()
    assert (scene.check(), "an account that exists" in scene.said[0]) == (False, True)
    assert scene.check(fix=True) is True
    assert User.get(*other.key).email == other.email
    assert Member.get(*keys.member(scene.team.id, other.id)).is_leader
    assert Team.get(*scene.team.key).leader_count == 1


def test_invitations_to_a_deleted_team_are_leftovers(scene: Scene) -> None:
    """Nothing opens them, so they do not change the status; --fix removes them before TTL does."""
    perform(invite, Team.get(*scene.team.key), "guest@test.example", scene.admin)
    assert scene.check() is True
    delete_team(Team.get(*scene.team.key))
    assert (scene.check(), "is left over from a deleted team" in scene.said[0]) == (True, True)
    scene.check(fix=True)
    assert items_naming("guest@test.example") == []
