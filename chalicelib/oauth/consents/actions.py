"""What users can do with the consents that they gave; each action adds to the context's work."""

from chalicelib.context import Context
from chalicelib.db import counters, keys
from chalicelib.events import Event
from chalicelib.oauth.consents.models import Consent


def withdraw(context: Context, consent: Consent) -> None:
    """Take a consent back: all that the client got by code is void with the next request."""
    context.work.delete(consent)
    counters.add(context.work, keys.consents_of(consent.user_id), -1)
    details = {"client": consent.client_id}
    context.emit(Event(name="consent_withdrawal", user_id=consent.user_id, details=details))
