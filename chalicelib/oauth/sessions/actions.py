"""What users can do with their sign-ins; each action adds to the context's work."""

from chalicelib.context import Context
from chalicelib.errors import NotFoundError
from chalicelib.events import Event
from chalicelib.oauth.tokens.families import is_alive, revoke_family
from chalicelib.oauth.tokens.models import TokenFamily


def end_session(context: Context, family: TokenFamily) -> None:
    """End a sign-in: its refresh token and its access tokens are refused from now on.

    :raises NotFoundError: it has ended already.
    """
    if not is_alive(family):
        raise NotFoundError
    revoke_family(context, family)
    details = {"client": family.client_id, "family": family.family_id}
    context.emit(Event(name="session_ending", user_id=family.user_id, details=details))
