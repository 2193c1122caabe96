"""What users let clients do: given on the consent page, remembered, taken back at any time."""

from chalicelib.db import counters, keys
from chalicelib.db.transaction import Transaction
from chalicelib.oauth.authorization import AuthorizationRequest
from chalicelib.oauth.families import require_consent
from chalicelib.oauth.models import Consent
from chalicelib.users.models import User


def covers(consent: Consent, asked: AuthorizationRequest) -> bool:
    """Tell whether a consent has every scope that is asked for."""
    return asked.scopes <= frozenset(consent.scope.split())


def give_consent(
    transaction: Transaction, user: User, asked: AuthorizationRequest, known: Consent | None
) -> Consent:
    """Add a consent, or the scopes that one lacks, to a transaction.

    Its commit raises ConditionFailedError, "consent", if it changed meanwhile.

    :param known: what the user consented to before.
    """
    if known is None:
        return _new_consent(transaction, user, asked)
    if covers(known, asked):
        require_consent(transaction, user.id, known.client_id, known.consent_id)
    else:
        scopes = asked.scopes.union(known.scope.split())
        transaction.change("consent", known, {"scope": " ".join(sorted(scopes))})
    return known


def _new_consent(transaction: Transaction, user: User, asked: AuthorizationRequest) -> Consent:
    client = asked.client
    consent = Consent.at(
        keys.consent(user.id, client.client_id),
        consent_id=keys.new_id(),
        user_id=user.id,
        client_id=client.client_id,
        client_name=client.shown_name,
        scope=asked.scope,
    )
    transaction.put("consent", consent)
    counters.add(transaction, keys.consents_of(user.id), 1)
    return consent


def withdraw(consent: Consent, transaction: Transaction | None = None) -> None:
    """Take a consent back: all that the client got by code is void with the next request.

    :param transaction: what else belongs to it.
    :raises ConditionFailedError: "item" changed meanwhile.
    """
    transaction = transaction or Transaction()
    transaction.delete("item", consent)
    counters.add(transaction, keys.consents_of(consent.user_id), -1)
    transaction.commit()
