"""The same for products with pages of their own: their front end takes the token from the link."""

from chalicelib.account import actions
from chalicelib.account.schemas import NameSchema, ResetSchema
from chalicelib.errors import GoneError, InvalidValueError, TooManyRequestsError
from chalicelib.rate_limit import rate_limit
from chalicelib.users.attempts import LETTERS
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.call import Call
from chalicelib.web.form import LinkTokenSchema
from chalicelib.web.operation import Docs, Gives, Operation, Takes

REQUESTS = Access(PUBLIC, also_reads=lambda call: actions.name_key(call.payload), limit=rate_limit("30/hour"))
ASKED = Docs(problems=(TooManyRequestsError,), limits={"letters for a name": LETTERS})
USED = Docs(problems=(GoneError,))
NOTHING = Gives(status=204)


@Operation(access=REQUESTS, takes=Takes(body=NameSchema), gives=NOTHING, docs=ASKED)
def request_email_verification(call: Call) -> None:
    """Send the link that confirms an email address again; the answer is the same for unknown accounts."""
    actions.request_verification(call.context, call.body["username"])


@Operation(access=Access(PUBLIC), takes=Takes(body=LinkTokenSchema), gives=NOTHING, docs=USED)
def verify_email(call: Call) -> None:
    """Confirm the email address of an account by the token of a link."""
    actions.verify_email(call.context, call.body["token"])


@Operation(access=Access(PUBLIC), takes=Takes(body=LinkTokenSchema), gives=NOTHING, docs=USED)
def confirm_email_change(call: Call) -> None:
    """Move an account to its new email address by the token of a link."""
    actions.confirm_email_change(call.context, call.body["token"])


@Operation(access=Access(PUBLIC), takes=Takes(body=LinkTokenSchema), gives=NOTHING, docs=USED)
def undo_email_change(call: Call) -> None:
    """Bring an old email address back by the token of a link, and end everything that is signed in."""
    actions.undo_email_change(call.context, call.body["token"])


@Operation(access=REQUESTS, takes=Takes(body=NameSchema), gives=NOTHING, docs=ASKED)
def request_password_reset(call: Call) -> None:
    """Send a link by which a forgotten password is replaced; the answer is the same for unknown accounts."""
    actions.request_password_reset(call.context, call.body["username"])


@Operation(
    access=Access(PUBLIC),
    takes=Takes(body=ResetSchema),
    gives=NOTHING,
    docs=Docs(problems=(GoneError, InvalidValueError), if_unsure="Try to sign in with the new password."),
)
def reset_password(call: Call) -> None:
    """Replace a forgotten password by the token of a link, and end everything that is signed in."""
    actions.reset_password(call.context, call.body["token"], call.body["password"])
