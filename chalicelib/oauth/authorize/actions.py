"""What a person does on the pages of the authorization endpoint; it adds to the context's work."""

import time
from collections.abc import Iterable
from typing import Any

from chalicelib.context import Context
from chalicelib.db import counters, keys
from chalicelib.db.table import now
from chalicelib.events import Event
from chalicelib.oauth.authorize.models import (
    AuthorizationCode,
    AuthorizationRequest,
    Consent,
    require_consent,
)
from chalicelib.oauth.secrets import hash_secret, new_secret
from chalicelib.users.models import User

MAX_DESTINATIONS = 10  # of a consent; those that were shown last


def authorize(context: Context, asked: AuthorizationRequest, user: User) -> str:
    """Grant a client what it asked of a user, and return the code for it; the consent, if any, was read."""
    code = _issue_code(context, user, _give_consent(context, user, asked), asked)
    event = Event(
        name="authorization",
        user_id=user.id,
        actor_id=user.id,
        client_id=asked.client.client_id,
        details={"scopes": sorted(asked.scopes)},
    )
    context.emit(event)
    return code


def _issue_code(context: Context, user: User, consent_id: str, asked: AuthorizationRequest) -> str:
    code, seconds, settings = f"{user.id}.{new_secret()}", int(time.time()), context.settings
    item = AuthorizationCode.at(
        keys.authorization_code(user.id, hash_secret(code)),
        user_id=user.id,
        client_id=asked.client.client_id,
        registration_id=asked.client.registration_id,
        consent_id=consent_id,
        family_id=keys.new_id(),
        redirect_uri=asked.redirect_uri,
        redirect_uri_was_given=asked.redirect_uri_was_given,
        scope=asked.scope,
        code_challenge=asked.code_challenge,
        credentials_version=user.credentials_version,
        valid_until=seconds + settings.authorization_code_lifetime,
        # Known for as long as what it was exchanged for may live: who shows it again ends that.
        expires_at=seconds + settings.refresh_token_absolute_lifetime,
    )
    context.work.put(item)
    return code


def covers(consent: Consent, asked: AuthorizationRequest) -> bool:
    """Whether a request needs no consent page: the person saw all of it before.

    They saw this registration of the client under this name, an origin that it sends them to, and all of the
    scopes. The page is always shown where any app on the device may receive the code (RFC 8252 §8.6).
    """
    return asked.destination is not None and _says(consent, asked)


def _says(consent: Consent, asked: AuthorizationRequest) -> bool:
    return (
        consent.registration_id == asked.client.registration_id
        and consent.client_name == asked.client.shown_name
        and asked.scopes <= frozenset(consent.scope.split())
        and (asked.destination is None or asked.destination in consent.destinations)
    )


def _give_consent(context: Context, user: User, asked: AuthorizationRequest) -> str:
    """Add a consent, or what the known one lacks, to the work, and return the id of the consent."""
    client, work = asked.client, context.work
    key = keys.consent(user.id, client.client_id)
    known = context.find(Consent, key)
    if known and known.registration_id == client.registration_id:
        if _says(known, asked):
            require_consent(work, user.id, client.client_id, known.consent_id)
        else:
            work.change(known, _contents(asked, known.scope, known.destinations))
        return known.consent_id
    fresh = _contents(asked) | {"consent_id": keys.new_id(), "registration_id": client.registration_id}
    if known:
        # Another client by the same id: what the one before got ends.
        work.change(known, fresh | {"created": now()})
    else:
        work.put(Consent.at(key, user_id=user.id, client_id=client.client_id, **fresh))
        counters.add(work, keys.consents_of(user.id), 1)
    return str(fresh["consent_id"])


def _contents(
    asked: AuthorizationRequest, scope: str = "", destinations: Iterable[str] = ()
) -> dict[str, Any]:
    """Return what a consent says, beside what it said before."""
    shown = [each for each in destinations if each != asked.destination]
    shown += [asked.destination] if asked.destination else []
    return {
        "client_name": asked.client.shown_name,
        "destinations": shown[-MAX_DESTINATIONS:],
        "scope": " ".join(sorted(asked.scopes.union(scope.split()))),
    }
