"""What a person does on the pages of the authorization endpoint; it adds to the context's work."""

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.events import Event
from chalicelib.oauth.authorize.codes import Code, issue_code
from chalicelib.oauth.authorize.consent import give_consent
from chalicelib.oauth.authorize.models import AuthorizationRequest
from chalicelib.oauth.consents.models import Consent
from chalicelib.users.models import User


def authorize(context: Context, asked: AuthorizationRequest, user: User) -> Code:
    """Grant a client what it asked of a user, and return the code for it; the consent, if any, was read."""
    client_id = asked.client.client_id
    known = context.find(Consent, keys.consent(user.id, client_id))
    consent_id = give_consent(context, user, asked, known)
    code = issue_code(context, user, consent_id, asked)
    details = {"scopes": sorted(asked.scopes)}
    context.emit(
        Event(name="authorization", user_id=user.id, actor_id=user.id, client_id=client_id, details=details)
    )
    return code
