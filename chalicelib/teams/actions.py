"""What can be done with teams and their memberships; each action adds to the context's work."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.context import Context
from chalicelib.db import counters, keys
from chalicelib.db.table import BATCH_READ_LIMIT, BATCH_WRITE_LIMIT, delete_many, get_many, query
from chalicelib.db.transaction import Transaction
from chalicelib.errors import ApiError, ConflictError, InvalidValueError, NotFoundError, excerpt
from chalicelib.events import Detail, Event, EventName, Letter
from chalicelib.security.actor import Account
from chalicelib.teams.models import Cleanup, Member, Team, counts, new_member
from chalicelib.users.models import User

MAX_LEADERSHIPS = 30  # in one transaction, which takes 100 items: two for each, beside those of the account
MAX_NAMED = 10  # teams in one message
LEADERSHIP = ("pk", "sk", "version", "team_id", "is_leader")


def create_team(context: Context, title: str, leader: Account) -> Team:
    """Create a team with its first leader, and count it."""
    team_id = keys.new_id()
    team = Team.at(keys.team(team_id), id=team_id, title=title)
    context.work.put(team)
    context.work.put(new_member(team_id, leader.id, leader.username, is_leader=True))
    counters.add(context.work, keys.TEAMS, 1)
    _emit(context, "team_creation", team, leader.id, is_leader=True)
    return team


def change_team(context: Context, team: Team, changes: Mapping[str, Any]) -> None:
    """Change fields of a team."""
    context.work.change(team, changes)
    _emit(context, "team_change", team, fields=sorted(changes))


def delete_team(context: Context, team: Team) -> None:
    """Delete a team at once, whatever its size: with its item all access is gone.

    Its memberships are noted for `clean_up`, in the same transaction.
    """
    context.work.delete(team)
    context.work.put(Cleanup.at(keys.cleanup(team.id), team_id=team.id))
    counters.add(context.work, keys.TEAMS, -1)
    _emit(context, "team_deletion", team)


def add_member(context: Context, team: Team, user: Account, *, is_leader: bool) -> Member:
    """Make a user a member of a team.

    :raises InvalidValueError: the account has no write access, so it cannot lead.
    :raises NotFoundError: the team or the user is gone in the meantime; raised by the commit.
    :raises ConflictError: the user is a member already; raised by the commit.
    """
    if is_leader and not (user.is_regular_user or user.is_internal):
        # They could not lead, and as the last leader they could not leave either.
        detail = "This account has no write access, so it cannot lead a team."
        raise InvalidValueError(errors=[{"pointer": "/is_leader", "detail": detail}])
    gone = NotFoundError("The team or the user was deleted in the meantime.")
    member = new_member(team.id, user.id, user.username, is_leader=is_leader)
    context.work.check(User, keys.user(user.id), User.pk.exists(), otherwise=gone)
    count_members(context.work, team, 1, leaders=int(is_leader), otherwise=gone)
    context.work.put(member, otherwise=ConflictError("This user is a member already."))
    letter = Letter(values={"team": team.title})
    _emit(context, "member_addition", team, user.id, letter, is_leader=is_leader)
    member.team = team
    return member


def remove_member(context: Context, team: Team, member: Member) -> None:
    """Remove a user from a team; of its leaders the last one stays.

    :raises ConflictError: this is the last leader; raised by the commit.
    """
    last = ConflictError("This is the team's last leader: add another leader first, or delete the team.")
    context.work.delete(member)
    count_members(context.work, team, -1, leaders=-int(member.is_leader), otherwise=last)
    _emit(context, "member_removal", team, member.user_id, is_leader=bool(member.is_leader))


def with_teams(context: Context, members: Sequence[Member]) -> list[Member]:
    """Read the teams of at most 100 memberships, and return those whose team was not deleted."""
    context.read(keys.team(member.team_id) for member in members)
    for member in members:
        member.team = context.find(Team, keys.team(member.team_id))
    return [member for member in members if member.team]


def give_up_leaderships(context: Context, user_id: str) -> None:
    """Remove a user from the teams that they lead; none of them may lose its last leader.

    :raises ConflictError: some would; it says which. So does the commit, of up to 30 teams: of more, that
        another leader leaves in the same moment is not noticed.
    """
    led = [
        member for member in query(Member, keys.teams_of(user_id), attributes=LEADERSHIP) if member.is_leader
    ]
    for start in range(0, len(led), BATCH_READ_LIMIT):
        context.read(keys.team(member.team_id) for member in led[start : start + BATCH_READ_LIMIT])
    found = [(member, context.find(Team, keys.team(member.team_id))) for member in led]
    # of a team that was deleted, the clean-up removes what is left
    leaderships = [(member, team) for member, team in found if team]
    last = [team for _, team in leaderships if team.leader_count <= 1]
    if last:
        raise _last_leader(last)
    for member, team in leaderships[:MAX_LEADERSHIPS]:
        context.work.delete(member)
        count_members(context.work, team, -1, leaders=-1, otherwise=_last_leader([team]))


def _last_leader(teams: Sequence[Team]) -> ConflictError:
    titles = ", ".join(f"{excerpt(team.title)} ({team.id})" for team in teams[:MAX_NAMED])
    more = f" and {len(teams) - MAX_NAMED} more" if len(teams) > MAX_NAMED else ""
    return ConflictError(
        f"This account is the last leader of {titles}{more}: add other leaders first, or delete the teams."
    )


def count_members(
    work: Transaction, team: Team, members: int, *, leaders: int, otherwise: ApiError | None = None
) -> None:
    """Count members and leaders of a team, of which the last one stays.

    :param otherwise: raised by the commit if it does, or the team is gone.
    """
    # Not conditional on the version: memberships may change side by side, the counts still add up.
    condition = Team.pk.exists()
    if leaders < 0:
        condition &= Team.leader_count > 1
    work.add(team, counts(members, leaders), condition, otherwise=otherwise)


def _emit(
    context: Context,
    name: EventName,
    team: Team,
    user_id: str | None = None,
    letter: Letter | None = None,
    **details: Detail,
) -> None:
    """Emit an event of a team.

    :param user_id: whose membership it is about.
    :param letter: what a letter to that person needs to know.
    """
    context.emit(Event(name=name, user_id=user_id, details={"team": team.id, **details}, letter=letter))


def clean_up() -> int:
    """Delete the memberships of deleted teams in batches; if it is stopped, the next run continues.

    :returns: how many memberships were deleted.
    """
    removed = 0
    for note in query(Cleanup, keys.CLEANUPS, prefix=keys.CLEANUP_TEAMS):
        if not get_many([keys.team(note.team_id)]):  # unless an import has brought it back
            removed += _clean_up_team(note)
        # Last, so that a run that stops before this is repeated.
        delete_many([note.key])
    return removed


def _clean_up_team(note: Cleanup) -> int:
    removed = 0
    partition = keys.team(note.team_id).pk
    while True:
        members = query(
            Member, partition, prefix=keys.MEMBERS, limit=BATCH_WRITE_LIMIT, attributes=("pk", "sk")
        )
        if not members:
            return removed
        delete_many([member.key for member in members])
        removed += len(members)
