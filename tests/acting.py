"""Actions as tests take them: each one a unit of work of its own, outside of any request."""

from types import SimpleNamespace
from typing import Any

from chalicelib.teams import actions as teams
from chalicelib.teams.models import Member, Team
from chalicelib.users import actions as users
from chalicelib.users.models import User
from tests.support import perform


def create_user(user: User) -> None:
    """Write an account."""
    perform(users.add_user, user)


def change_user(user: User, changes: dict[str, Any]) -> None:
    """Change an account."""
    perform(users.change_user, user, changes)


def create_team(title: str, user_id: str, username: str) -> Team:
    """Create a team."""
    # The team needs only these attributes of the account.
    leader: Any = SimpleNamespace(id=user_id, username=username)
    return perform(teams.create_team, title, leader)


def change_team(team: Team, changes: dict[str, Any]) -> None:
    """Change a team."""
    perform(teams.change_team, team, changes)


def delete_team(team: Team) -> None:
    """Delete a team."""
    perform(teams.delete_team, team)


def add_member(team: Team, user: User, *, is_leader: bool) -> Member:
    """Make a user a member of a team."""
    # Including a user who has lost write access since then.
    then: Any = SimpleNamespace(id=user.id, username=user.username, key=user.key, is_regular_user=True)
    return perform(teams.add_member, team, then, is_leader=is_leader)


def remove_member(team: Team, member: Member) -> None:
    """Remove a user from a team."""
    perform(teams.remove_member, team, member)
