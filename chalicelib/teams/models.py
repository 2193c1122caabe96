"""Teams and their memberships."""

from collections.abc import Sequence

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.table import Item


class Team(Item, discriminator="team"):
    """A team; its version grows with its memberships, too, since its representation shows them."""

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
