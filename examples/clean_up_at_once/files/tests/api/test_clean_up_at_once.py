"""The function on the table's stream."""

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.users.models import User
from tests.acting import create_team, delete_team
from tests.support import present_keys


@pytest.mark.in_process("calls the function as Lambda does")
def test_the_memberships_of_a_deleted_team_go_at_once(user: User) -> None:
    """The note goes with them; a record may come twice."""
    team = create_team("Engines", user.id, user.username)
    delete_team(team)
    assert keys.member(team.id, user.id) in present_keys()
    for _ in range(2):
        application.clean_up_at_once({"Records": []}, None)
    assert not {keys.member(team.id, user.id), keys.cleanup(team.id)} & present_keys()
