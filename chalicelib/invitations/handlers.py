"""Invite people to a team, and accept or decline."""

from dataclasses import replace

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import query
from chalicelib.errors import ConflictError, NotFoundError, TooManyRequestsError
from chalicelib.invitations import actions
from chalicelib.invitations.models import Invitation, InvitationPlace
from chalicelib.invitations.schemas import InvitationInputSchema, InvitationSchema, MyInvitationSchema
from chalicelib.rate_limit import rate_limit
from chalicelib.scopes import TEAMS_READ, TEAMS_WRITE
from chalicelib.teams.permissions import LEADER_OR_ADMIN, LEADER_OR_ADMIN_WRITER, TEAM
from chalicelib.users.models import User
from chalicelib.web.access import ACTIVE_USER, Access
from chalicelib.web.call import Call, Load
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes
from chalicelib.web.pagination import PageQuery, read_page

ATTRIBUTES = ("pk", "sk", "id", "team_id", "email", "inviter_id", "expires_at")
MAX_SHOWN = 100  # of one's own


def _place_key(call: Call) -> Key | None:
    invitation_id = call.params["invitation_id"]
    return keys.invitation_place(invitation_id) if keys.is_id(invitation_id) else None


PLACE = Load(InvitationPlace, _place_key, hidden=True)


@Operation(
    access=Access(
        LEADER_OR_ADMIN_WRITER, scopes=TEAMS_WRITE, reads=(TEAM,), limit=rate_limit("30/hour", "100/day")
    ),
    takes=Takes(body=InvitationInputSchema),
    gives=Gives(InvitationSchema, status=201),
    docs=Docs(
        problems=(ConflictError, TooManyRequestsError),
        limits={"letters to an address": actions.LETTERS},
    ),
)
def create_invitation(call: Call) -> Reply:
    """Invite somebody to a team by e-mail; the answer does not tell whether they have an account.

    The link in the letter works once, for 7 days. Inviting an address again replaces its link.
    """
    invitation = actions.invite(call.context, call[TEAM], call.body["email"], call.actor.account)
    location = call.url_for(delete_invitation, team_id=call[TEAM].id, invitation_id=invitation.id)
    return Reply(invitation, headers={"Location": location})


@Operation(
    access=Access(LEADER_OR_ADMIN, scopes=TEAMS_READ, reads=(TEAM,)),
    takes=Takes(query=PageQuery),
    gives=Gives(InvitationSchema, many=True),
)
def list_invitations(call: Call) -> Reply:
    """List the open invitations of a team; a page may be short: `Link` says whether there are more."""
    page = read_page(call, Invitation, keys.invitations_of(call[TEAM].id), ATTRIBUTES)
    return replace(page, value=actions.with_teams(call.context, page.value))


@Operation(
    access=Access(LEADER_OR_ADMIN_WRITER, scopes=TEAMS_WRITE, reads=(TEAM, PLACE)), gives=Gives(status=204)
)
def delete_invitation(call: Call) -> None:
    """Withdraw an invitation: its link stops working."""
    invitation = actions.find(call.context, call.params["invitation_id"])
    if invitation is None or invitation.team_id != call[TEAM].id:
        raise NotFoundError
    actions.withdraw(call.context, invitation)


@Operation(access=Access(ACTIVE_USER, scopes=TEAMS_READ), gives=Gives(MyInvitationSchema, many=True))
def list_my_invitations(call: Call) -> list[Invitation]:
    """List the first 100 invitations to your confirmed e-mail address."""
    account = _account(call)
    partition = keys.invited(keys.digest_of(account.email), "").pk
    found = query(Invitation, partition, prefix=keys.INVITED_TO, limit=MAX_SHOWN, attributes=ATTRIBUTES)
    own = [each for each in found if actions.is_for(each, account)]
    return actions.with_teams(call.context, own)


@Operation(
    access=Access(ACTIVE_USER, scopes=TEAMS_WRITE, reads=(PLACE,)),
    gives=Gives(status=204),
    docs=Docs(problems=(ConflictError,)),
)
def accept_invitation(call: Call) -> None:
    """Accept an invitation to your confirmed e-mail address: you are a member from now on."""
    actions.accept(call.context, _own(call), _account(call))


@Operation(access=Access(ACTIVE_USER, scopes=TEAMS_WRITE, reads=(PLACE,)), gives=Gives(status=204))
def decline_invitation(call: Call) -> None:
    """Decline an invitation to your confirmed e-mail address."""
    actions.decline(call.context, _own(call))


def _account(call: Call) -> User:
    account = call.context.find(User, keys.user(call.actor.id))
    if account is None:
        raise NotFoundError
    return account


def _own(call: Call) -> Invitation:
    invitation = actions.find(call.context, call.params["invitation_id"])
    if invitation is None or not actions.is_for(invitation, _account(call)):
        raise NotFoundError
    return invitation
