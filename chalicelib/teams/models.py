"""Teams and their memberships."""

from collections.abc import Sequence
from contextlib import suppress

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib.db import keys
from chalicelib.db.personal import NOT_PERSONAL, Personal, Place, shown
from chalicelib.db.relations import Index
from chalicelib.db.table import Item, get_many
from chalicelib.db.transaction import StaleError, Transaction


class Team(Item, discriminator="team"):
    """A team; its version grows with its memberships, too, since its representation shows them."""

    SCHEMA = 2
    personal = NOT_PERSONAL
    indexes = (Index("title", by_prefix=True),)

    id = UnicodeAttribute()
    title = UnicodeAttribute()
    member_count = NumberAttribute(default=1)
    leader_count = NumberAttribute(default=1)
    # Filled in where a representation shows them, never stored.
    members: "Sequence[Member]" = ()

    def listed(self) -> tuple[str, str]:
        """Return the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return keys.TEAMS, self.id


class Member(Item, discriminator="member"):
    """A membership: which user, in which team. Usernames never change, so this copy stays right."""

    SCHEMA = 2
    personal = Personal(
        places=lambda person: [Place(keys.teams_of(person.id))],
        show=shown("team_id", "user_id", "username", "is_leader", "created", "updated"),
        erase=lambda members, _: sum(map(_leave, members)),
    )

    team_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    username = UnicodeAttribute()
    is_leader = BooleanAttribute(default=False)
    team: Team | None = None  # filled in where a representation shows it, never stored

    def listed(self) -> tuple[str, str]:
        """Return the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return keys.teams_of(self.user_id), self.team_id

    def counted(self) -> tuple[str, ...]:
        """Return no counters: the team itself counts its members."""
        return ()

    @property
    def itself(self) -> "Member":
        """The membership, for a schema that nests what is flat here."""
        return self


class Cleanup(Item, discriminator="cleanup"):
    """Notes that the memberships of a deleted team still have to go."""

    personal = NOT_PERSONAL

    team_id = UnicodeAttribute()


def new_member(team_id: str, user_id: str, username: str, *, is_leader: bool) -> Member:
    """Return a membership; nothing is written yet."""
    return Member.at(
        keys.member(team_id, user_id),
        team_id=team_id,
        user_id=user_id,
        username=username,
        is_leader=is_leader,
    )


def _leave(member: Member) -> int:
    """Remove a membership of an erased account, and count it no more; what changes is left to another try."""
    found = get_many([keys.team(member.team_id), member.key])
    team, member_now = found.get(keys.team(member.team_id)), found.get(member.key)
    if isinstance(member_now, Member):
        work = Transaction()
        work.delete(member_now)
        if isinstance(team, Team):
            # Its last leader, too: nobody could lead it from an account that is gone.
            work.add(team, counts(-1, -int(member_now.is_leader)), Team.pk.exists())
        with suppress(StaleError):
            work.commit()
    return 1


def counts(members: int, leaders: int) -> list[Action]:
    """Return what adds to the counts of a team's members and leaders."""
    return [Team.member_count.add(members), Team.leader_count.add(leaders), Team.version.add(1)]
