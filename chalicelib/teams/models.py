"""Teams and their memberships; all writes that keep them consistent stand here."""

from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.db import counters, keys
from chalicelib.db.table import BATCH_WRITE_LIMIT, Item, delete_many, query
from chalicelib.db.transaction import Transaction
from chalicelib.users.models import User


class Team(Item, discriminator="team"):
    """A team; its version grows with its memberships, too, since its representation shows them."""

    id = UnicodeAttribute()
    title = UnicodeAttribute()
    member_count = NumberAttribute(default=1)
    leader_count = NumberAttribute(default=1)
    # Filled in where a representation shows them, never stored.
    members: "Sequence[Member]" = ()

    def listed(self) -> tuple[str, str]:
        """Give the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return keys.TEAMS, self.id


class Member(Item, discriminator="member"):
    """A membership: which user, in which team. Usernames never change, so this copy stays right."""

    team_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    username = UnicodeAttribute()
    is_leader = BooleanAttribute(default=False)
    team: Team | None = None  # likewise

    @property
    def itself(self) -> "Member":
        """Let a schema nest what is flat here."""
        return self


class Cleanup(Item, discriminator="cleanup"):
    """Notes that the memberships of a deleted team still have to go."""

    team_id = UnicodeAttribute()


def new_member(team_id: str, user_id: str, username: str, *, is_leader: bool) -> Member:
    """Make a membership; nothing is written yet."""
    return Member.at(
        keys.member(team_id, user_id),
        team_id=team_id,
        user_id=user_id,
        username=username,
        is_leader=is_leader,
    )


def create_team(
    title: str,
    user_id: str,
    username: str,
    *,
    team_id: str | None = None,
    transaction: Transaction | None = None,
) -> Team:
    """Write a new team with its first leader, and count it.

    :param team_id: a fresh id, by default.
    :param transaction: what else belongs to it.
    """
    team_id = team_id or keys.new_id()
    team = Team.at(keys.team(team_id), id=team_id, title=title)
    transaction = transaction or Transaction()
    transaction.put("team", team)
    transaction.put("member", new_member(team_id, user_id, username, is_leader=True))
    counters.add(transaction, keys.TEAMS, 1)
    transaction.commit()
    return team


def change_team(team: Team, values: Mapping[str, Any], transaction: Transaction | None = None) -> None:
    """Write changed fields.

    :param transaction: what else belongs to it.
    :raises ConditionFailedError: "item" changed in the meantime.
    """
    transaction = transaction or Transaction()
    transaction.change("item", team, values)
    transaction.commit()


def add_member(team: Team, user: User, *, is_leader: bool, transaction: Transaction | None = None) -> Member:
    """Write a membership.

    :param transaction: what else belongs to it.
    :raises ConditionFailedError: "member": it exists already; "team" or "user": gone meanwhile.
    """
    member = new_member(team.id, user.id, user.username, is_leader=is_leader)
    transaction = transaction or Transaction()
    transaction.check("user", User, user.key, User.pk.exists())
    transaction.put("member", member)
    _count_members(transaction, team, 1, leaders=int(is_leader))
    transaction.commit()
    return member


def remove_member(team: Team, member: Member, transaction: Transaction | None = None) -> None:
    """Delete a membership; of a team's leaders the last one stays.

    :param transaction: what else belongs to it.
    :raises ConditionFailedError: "member" is gone or changed; "team": gone, or this is its last leader.
    """
    transaction = transaction or Transaction()
    transaction.delete("member", member)
    _count_members(transaction, team, -1, leaders=-int(member.is_leader))
    transaction.commit()


def _count_members(transaction: Transaction, team: Team, members: int, *, leaders: int) -> None:
    # Not conditional on the version: memberships may change side by side, the counts still add up.
    condition = Team.pk.exists()
    if leaders < 0:
        condition &= Team.leader_count > 1
    actions = [
        Team.member_count.add(members),
        Team.leader_count.add(leaders),
        Team.version.add(1),
    ]
    transaction.add("team", team, actions, condition)


def delete_team(team: Team, transaction: Transaction | None = None) -> None:
    """Take a team away at once, whatever its size: with its item all access is gone.

    Its memberships are noted for `clean_up`, in the same transaction.

    :param transaction: what else belongs to it.
    :raises ConditionFailedError: "item" changed meanwhile.
    """
    transaction = transaction or Transaction()
    transaction.delete("item", team)
    transaction.put("cleanup", Cleanup.at(keys.cleanup(team.id), team_id=team.id))
    counters.add(transaction, keys.TEAMS, -1)
    transaction.commit()


def clean_up() -> int:
    """Delete the memberships of deleted teams in batches; stopped anywhere, the next run goes on.

    :returns: how many memberships went.
    """
    removed = 0
    for note in query(Cleanup, keys.CLEANUPS, prefix=keys.CLEANUP_TEAMS):
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
