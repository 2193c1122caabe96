"""The page that the link of an invitation leads to; and the same for products with pages of their own."""

from pathlib import Path

from chalicelib.db import keys
from chalicelib.errors import ApiError, ConflictError, ForbiddenError, GoneError, InvalidValueError
from chalicelib.invitations import actions
from chalicelib.invitations.models import Invitation
from chalicelib.invitations.schemas import AnswerFormSchema, AnswerSchema
from chalicelib.users.models import User
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.call import Call
from chalicelib.web.form import LinkQuery, read_form, require_form_ticket, token_of
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes
from chalicelib.web.page import PAGE, done_page, show

FORM, TITLE = "invitation", "An invitation"
TEMPLATE = Path(__file__).with_name("invitation.html")
AGAIN = {
    403: "The page has expired: it is shown again.",
    409: "No account has the address yet, or it is not confirmed.",
    422: "Nothing was decided: the page is shown again.",
}


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
