"""Invite people to a team, and accept or decline: by the API, and on the page that a link leads to."""

from dataclasses import replace
from pathlib import Path

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import query
from chalicelib.errors import (
    ApiError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidValueError,
    NotFoundError,
    TooManyRequestsError,
)
from chalicelib.invitations import actions
from chalicelib.invitations.models import Invitation, InvitationPlace
from chalicelib.invitations.schemas import (
    AnswerFormSchema,
    AnswerSchema,
    InvitationInputSchema,
    InvitationSchema,
    MyInvitationSchema,
)
from chalicelib.rate_limit import rate_limit
from chalicelib.scopes import TEAMS_READ, TEAMS_WRITE
from chalicelib.teams.permissions import LEADER_OR_ADMIN, LEADER_OR_ADMIN_WRITER, TEAM
from chalicelib.users.models import User
from chalicelib.web.access import ACTIVE_USER, PUBLIC, Access
from chalicelib.web.call import Call, Load
from chalicelib.web.form import LinkQuery, read_form, require_form_ticket, token_of
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes
from chalicelib.web.page import PAGE, done_page, show
from chalicelib.web.pagination import PageQuery, read_page

ATTRIBUTES = ("pk", "sk", "id", "team_id", "email", "inviter_id", "expires_at")
MAX_SHOWN = 100  # of one's own
FORM, TITLE = "invitation", "An invitation"
TEMPLATE = Path(__file__).with_name("invitation.html")
AGAIN = {
    403: "The page has expired: it is shown again.",
    409: "No account has the address yet, or it is not confirmed.",
    422: "Nothing was decided: the page is shown again.",
}


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
        problems=(ConflictError, TooManyRequestsError), limits={"letters to an address": actions.LETTERS}
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
    if invitation.team_id != call[TEAM].id:
        raise NotFoundError
    actions.withdraw(call.context, invitation)


@Operation(access=Access(ACTIVE_USER, scopes=TEAMS_READ), gives=Gives(MyInvitationSchema, many=True))
def list_my_invitations(call: Call) -> list[Invitation]:
    """List the first 100 invitations to your confirmed e-mail address."""
    account = call.actor.account
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
    actions.accept(call.context, _own(call), call.actor.account)


@Operation(access=Access(ACTIVE_USER, scopes=TEAMS_WRITE, reads=(PLACE,)), gives=Gives(status=204))
def decline_invitation(call: Call) -> None:
    """Decline an invitation to your confirmed e-mail address."""
    actions.decline(call.context, _own(call))


def _own(call: Call) -> Invitation:
    invitation = actions.find(call.context, call.params["invitation_id"])
    if not actions.is_for(invitation, call.actor.account):
        raise NotFoundError
    return invitation


@Operation(
    access=Access(PUBLIC),
    takes=Takes(query=LinkQuery),
    gives=PAGE,
    docs=Docs(problems=(GoneError,), headers=("Set-Cookie",)),
)
def show_invitation(call: Call) -> Reply:
    """Show the page of an invitation: who invites to which team."""
    token = token_of(call)
    return _page(call, actions.open_invitation(call.context, token), token)


@Operation(
    access=Access(PUBLIC),
    takes=Takes(body=AnswerFormSchema, parse=read_form),
    gives=PAGE,
    docs=Docs(problems=(GoneError,), headers=("Set-Cookie",), also=AGAIN),
)
def answer_invitation(call: Call) -> Reply:
    """Accept or decline an invitation."""
    token, decision = call.body["token"], call.body["decision"]
    invitation = actions.open_invitation(call.context, token)
    try:
        require_form_ticket(call, FORM)
        if decision == "accept":
            actions.accept_by_letter(call.context, invitation)
            return done_page(call, TITLE, "You are a member of the team now.")
    except (ForbiddenError, ConflictError) as error:
        return _page(call, invitation, token, error)
    if decision == "decline":
        actions.decline(call.context, invitation)
        return done_page(call, TITLE, "You declined the invitation.")
    return _page(call, invitation, token, InvalidValueError("Choose one of the buttons."))


@Operation(
    access=Access(PUBLIC),
    takes=Takes(body=AnswerSchema),
    gives=Gives(status=204),
    docs=Docs(problems=(GoneError, ConflictError)),
)
def use_invitation(call: Call) -> None:
    """Accept or decline an invitation by the token of its link.

    Who accepts becomes a member with the account that has confirmed the address; if there is none, sign up
    and confirm it first.
    """
    invitation = actions.open_invitation(call.context, call.body["token"])
    use = actions.accept_by_letter if call.body["decision"] == "accept" else actions.decline
    use(call.context, invitation)


def _page(call: Call, invitation: Invitation, token: str, error: ApiError | None = None) -> Reply:
    inviter_key = keys.user(invitation.inviter_id)
    call.context.read([inviter_key])
    inviter = call.context.find(User, inviter_key)
    texts = {
        "inviter": inviter.username if inviter else "Somebody",
        "team": invitation.team.title if invitation.team else "",
        "token": token,
    }
    return show(call, TEMPLATE, TITLE, texts, form=FORM, error=error)
