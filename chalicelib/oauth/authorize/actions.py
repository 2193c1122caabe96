"""What a person does on the pages of the authorization endpoint; it adds to the context's work."""

import time
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
    client_id = asked.client.client_id
    known = context.find(Consent, keys.consent(user.id, client_id))
    code = _issue_code(context, user, _give_consent(context, user, asked, known), asked)
    details = {"scopes": sorted(asked.scopes)}
    context.emit(
        Event(name="authorization", user_id=user.id, actor_id=user.id, client_id=client_id, details=details)
    )
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


def _give_consent(context: Context, user: User, asked: AuthorizationRequest, known: Consent | None) -> str:
    """Add a consent, or what the known one lacks, to the work, and return the id of the consent."""
    if known is None:
        return _new_consent(context, user, asked)
    if _says(known, asked):
        require_consent(context.work, user.id, known.client_id, known.consent_id)
        return known.consent_id
    if known.registration_id != asked.client.registration_id:
        # Another client by the same id: what the one before got ends.
        values = _contents(asked) | {"consent_id": keys.new_id(), "created": now()}
    else:
        values = _extended(known, asked)
    context.work.change(known, values)
    return str(values.get("consent_id", known.consent_id))


def _contents(asked: AuthorizationRequest) -> dict[str, Any]:
    return {
        "registration_id": asked.client.registration_id,
        "client_name": asked.client.shown_name,
        "destinations": [asked.destination] if asked.destination else [],
        "scope": asked.scope,
    }


def _extended(known: Consent, asked: AuthorizationRequest) -> dict[str, Any]:
    fresh, scopes = _contents(asked), asked.scopes.union(known.scope.split())
    before = [each for each in known.destinations if each != asked.destination]
    destinations = [*before, *fresh["destinations"]][-MAX_DESTINATIONS:]
    return fresh | {"destinations": destinations, "scope": " ".join(sorted(scopes))}


def _new_consent(context: Context, user: User, asked: AuthorizationRequest) -> str:
    client_id = asked.client.client_id
    consent = Consent.at(
        keys.consent(user.id, client_id),
        consent_id=keys.new_id(),
        user_id=user.id,
        client_id=client_id,
        **_contents(asked),
    )
    context.work.put(consent)
    counters.add(context.work, keys.consents_of(user.id), 1)
    return consent.consent_id
