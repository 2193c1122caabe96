"""Invitations to teams, by e-mail address."""

from datetime import datetime

from pynamodb.attributes import UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.personal import NOT_PERSONAL, Personal, Place, shown
from chalicelib.db.table import Item
from chalicelib.teams.models import Team


class Invitation(Item, discriminator="invitation"):
    """An open invitation: of one address to one team; inviting again replaces it.

    `id` is that of its link; an earlier link no longer leads here.
    """

    personal = Personal(
        places=lambda person: [Place(keys.invited(keys.digest_of(person.email), "").pk, keys.INVITED_TO)],
        show=shown("id", "team_id", "email", "created", "updated"),
    )

    id = UnicodeAttribute()
    team_id = UnicodeAttribute()
    email = UnicodeAttribute()
    inviter_id = UnicodeAttribute()
    team: Team | None = None  # filled in where a representation shows it, never stored

    @property
    def sent(self) -> datetime:
        """When its letter was written."""
        return keys.moment_of(self.id)

    def listed(self) -> tuple[str, str]:
        """Return the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return keys.invitations_of(self.team_id), self.id

    def counted(self) -> tuple[str, ...]:
        """Return no counters: invitations are not counted."""
        return ()


class InvitationPlace(Item, discriminator="invitation_place"):
    """Leads from the id of a link to its invitation."""

    personal = NOT_PERSONAL  # holds ids and a digest, until the link expires

    team_id = UnicodeAttribute()
    address = UnicodeAttribute()  # the digest of it, as it stands in keys
