"""What can be done with invitations; each action adds to the context's work."""

import time
from collections.abc import Sequence
from typing import Any

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.table import is_expired, query
from chalicelib.db.unique import UniqueName
from chalicelib.errors import ConflictError, GoneError, NotFoundError
from chalicelib.events import Event, EventName, Letter
from chalicelib.invitations.models import Invitation, InvitationPlace
from chalicelib.rate_limit import rate_limit
from chalicelib.security.actor import Account
from chalicelib.security.links import link_of
from chalicelib.teams.actions import add_member
from chalicelib.teams.models import Member, Team
from chalicelib.users import attempts
from chalicelib.users.models import User

LIFETIME = 7 * 86400  # seconds; the letter says so
MAX_OPEN = 100  # invitations of one team
LETTERS = rate_limit("5/day")  # to each address, whoever invites it
UNCONFIRMED = (
    "The account with this address has not confirmed it. Confirm it, or choose a new password if you did not "
    "sign up; then accept."
)


def invite(context: Context, team: Team, email: str, inviter: Account) -> Invitation:
    """Invite an address to a team, whether an account has it or not: nothing here looks for one.

    :raises ConflictError: the team has too many open invitations.
    :raises TooManyRequestsError: the address was invited too often.
    """
    attempts.count_letter(context, attempts.letters_of(context, email, LETTERS, "invitations"))
    _check_open(team, email)
    invitation_id = keys.new_id()
    values: dict[str, Any] = {
        "id": invitation_id,
        "team_id": team.id,
        "email": email,
        "inviter_id": inviter.id,
        "expires_at": int(time.time()) + LIFETIME,
    }
    invitation = Invitation.at(keys.invited(keys.digest_of(email), team.id), **values)
    attributes = Invitation.get_attributes()
    values |= {"gsi1pk": invitation.gsi1pk, "gsi1sk": invitation.gsi1sk}
    # In the place of an earlier one, which may also have expired.
    actions = [attributes[name].set(value) for name, value in values.items()]
    context.work.add(invitation, [*actions, Invitation.version.add(1)])
    place = InvitationPlace.at(
        keys.invitation_place(invitation_id),
        team_id=team.id,
        address=keys.digest_of(email),
        expires_at=invitation.expires_at,
    )
    context.work.put(place)
    letter = Letter(to=email, link=invitation_id, values={"team": team.title, "inviter": inviter.username})
    _emit(context, "invitation", invitation, letter=letter)
    return invitation


def _check_open(team: Team, email: str) -> None:
    found = query(
        Invitation, keys.invitations_of(team.id), limit=2 * MAX_OPEN, attributes=("email", "expires_at")
    )
    others = [each for each in found if not is_expired(each) and each.email != email]
    if len(others) >= MAX_OPEN:
        raise ConflictError(f"This team has {MAX_OPEN} open invitations: withdraw some, or wait for answers.")


def find(context: Context, invitation_id: str | None) -> Invitation:
    """Read the open invitation that an id leads to, and its team.

    :raises NotFoundError: there is none.
    """
    place_key = keys.invitation_place(invitation_id) if invitation_id else None
    context.read([place_key])
    place = context.find(InvitationPlace, place_key)
    if place is None:
        raise NotFoundError
    key, team_key = keys.invited(place.address, place.team_id), keys.team(place.team_id)
    context.read([key, team_key])
    invitation = context.find(Invitation, key)
    team = context.find(Team, team_key)
    if invitation is None or invitation.id != invitation_id or team is None:
        raise NotFoundError
    invitation.team = team
    return invitation


def open_invitation(context: Context, token: str) -> Invitation:
    """Return what the token of a letter opens.

    :raises GoneError: it opens nothing, or what was used, replaced, withdrawn or has expired.
    """
    try:
        return find(context, link_of(context.keyring, token))
    except NotFoundError as error:
        raise GoneError from error


def with_teams(context: Context, invitations: Sequence[Invitation]) -> list[Invitation]:
    """Read the teams of invitations, and return those that are still open."""
    context.read(keys.team(each.team_id) for each in invitations)
    for each in invitations:
        each.team = context.find(Team, keys.team(each.team_id))
    return [each for each in invitations if each.team and not is_expired(each)]


def is_for(invitation: Invitation, user: Account) -> bool:
    """Whether an account has the address that was invited, and has confirmed it."""
    is_same = keys.unique(user.email, keys.MAX_EMAIL) == keys.unique(invitation.email, keys.MAX_EMAIL)
    return is_same and user.has_confirmed_email


def accept_by_letter(context: Context, invitation: Invitation) -> None:
    """Accept for the account that has confirmed the address: who opens the letter's link has it, too.

    :raises ConflictError: no account has it, or it is not confirmed: a stranger may have signed up with it.
    """
    marker_key = keys.email(invitation.email)
    context.read([marker_key])
    marker = context.find(UniqueName, marker_key)
    user_key = keys.user(marker.item_id) if marker else None
    context.read([user_key])
    user = context.find(User, user_key)
    if user is None or not user.is_active:
        raise ConflictError("No account has this e-mail address yet: sign up with it, then accept.")
    if not user.has_confirmed_email:
        raise ConflictError(UNCONFIRMED)
    context.actor_id = user.id
    accept(context, invitation, user)


def accept(context: Context, invitation: Invitation, user: Account) -> None:
    """Make an account a member, and use the invitation up; members stay what they are.

    :param invitation: with its team.
    """
    assert invitation.team is not None  # noqa: S101 - `find` has seen to it
    member_key = keys.member(invitation.team_id, user.id)
    context.read([member_key])
    if context.find(Member, member_key) is None:
        add_member(context, invitation.team, user, is_leader=False)
    context.work.delete(invitation)


def decline(context: Context, invitation: Invitation) -> None:
    """Decline an invitation, as whoever has the address may."""
    context.work.delete(invitation)
    _emit(context, "invitation_decline", invitation)


def withdraw(context: Context, invitation: Invitation) -> None:
    """Withdraw an invitation: its link opens nothing from now on."""
    context.work.delete(invitation)
    _emit(context, "invitation_withdrawal", invitation)


def _emit(context: Context, name: EventName, invitation: Invitation, letter: Letter | None = None) -> None:
    context.emit(Event(name=name, details={"team": invitation.team_id}, letter=letter))
