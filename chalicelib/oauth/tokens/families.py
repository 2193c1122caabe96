"""Refresh tokens: one use each, in families that die as a whole (RFC 9700 §4.14.2)."""

import base64
import hashlib
import hmac
import re
import time
from dataclasses import dataclass, field

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key, new_id
from chalicelib.errors import ApiError
from chalicelib.oauth.authorize.models import AuthorizationCode, Consent, require_consent
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.errors import InvalidGrantError
from chalicelib.oauth.secrets import hash_secret, new_secret
from chalicelib.oauth.tokens.models import TokenFamily, UsedRefreshToken
from chalicelib.security.keys import Keyring
from chalicelib.users.models import User

SHAPE = re.compile(r"([0-9A-Z]{26})\.([0-9A-Z]{26})\.[A-Za-z0-9_-]{43}")
LENGTH = 97  # characters


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token as it was presented; its first parts only say where to look."""

    text: str = field(repr=False)
    user_id: str
    family_id: str

    @property
    def hash(self) -> str:
        """What is stored of it."""
        return hash_secret(self.text)

    @property
    def family_key(self) -> Key:
        """Key of its family."""
        return keys.family(self.user_id, self.family_id)

    @property
    def used_key(self) -> Key:
        """Key of its tombstone."""
        return keys.used_refresh_token(self.user_id, self.hash)


def parse_refresh_token(text: str) -> RefreshToken | None:
    """Read a presented token; None if it cannot be one of ours."""
    match = SHAPE.fullmatch(text)
    return RefreshToken(text, match[1], match[2]) if match else None


def _token(user_id: str, family_id: str, secret: str) -> RefreshToken:
    return RefreshToken(f"{user_id}.{family_id}.{secret}", user_id, family_id)


def successor_of(keyring: Keyring, token: RefreshToken) -> RefreshToken:
    """Return the token that follows another one: a MAC of the whole of it, so nothing secret is stored."""
    digest = hmac.digest(keyring.mac_key("refresh token"), token.text.encode(), hashlib.sha256)
    secret = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return _token(token.user_id, token.family_id, secret)


def start_family(
    context: Context,
    user: User,
    client: OAuth2Client,
    scopes: frozenset[str],
    code: AuthorizationCode | None = None,
) -> tuple[TokenFamily, RefreshToken]:
    """Add a new family to the work, and return it with its first token.

    :param code: the code that was exchanged, if any: the family lives and dies with its consent.
    """
    now, settings = int(time.time()), context.settings
    token = _token(user.id, code.family_id if code else new_id(), new_secret())
    until = now + settings.refresh_token_absolute_lifetime
    family = TokenFamily.at(
        token.family_key,
        family_id=token.family_id,
        user_id=user.id,
        client_id=client.client_id,
        registration_id=client.registration_id,
        consent_id=code.consent_id if code else None,
        scope=" ".join(sorted(scopes)),
        credentials_version=user.credentials_version,
        token_hash=token.hash,
        idle_until=now + settings.refresh_token_idle_lifetime,
        absolute_until=until,
        # Access tokens look for their family: it has to outlive the last of them.
        expires_at=until + settings.access_token_lifetime + 86400,
    )
    context.work.put(family)
    return family, token


def is_of(item: TokenFamily | AuthorizationCode, client: OAuth2Client) -> bool:
    """Whether a client was given this: the same registration of it, as ids may be registered again."""
    return (item.client_id, item.registration_id) == (client.client_id, client.registration_id)


def is_current(family: TokenFamily, token: RefreshToken) -> bool:
    """Whether a token is the one that its family expects, compared in constant time."""
    return hmac.compare_digest(family.token_hash, token.hash)


def was_used(context: Context, token: RefreshToken) -> bool:
    """Whether the token was good once: garbage with a family's id must not end the family."""
    return _tombstone(context, token) is not None


def is_repeated(context: Context, family: TokenFamily, token: RefreshToken) -> bool:
    """Whether a token is shown again within the grace: the one used last, its successor not used yet.

    An answer may be lost, and two tabs may refresh at once. A thief gains nothing by it (docs/oauth2.md).
    """
    used = _tombstone(context, token)
    if used is None or used.successor_hash != family.token_hash:
        return False
    return time.time() - used.created.timestamp() <= context.settings.refresh_token_grace


def _tombstone(context: Context, token: RefreshToken) -> UsedRefreshToken | None:
    used = context.find(UsedRefreshToken, token.used_key)
    return used if used and used.family_id == token.family_id else None


def is_alive(family: TokenFamily) -> bool:
    """Check revocation and both expiries; DynamoDB's TTL is never trusted to have swept."""
    return not family.is_revoked and time.time() < min(family.idle_until, family.absolute_until)


def rotate(context: Context, family: TokenFamily, token: RefreshToken) -> RefreshToken:
    """Use a token up, and return its successor.

    :raises InvalidGrantError: the user took the consent back; raised by the commit.
    """
    successor = successor_of(context.keyring, token)
    used = UsedRefreshToken.at(
        token.used_key,
        family_id=family.family_id,
        successor_hash=successor.hash,
        expires_at=family.expires_at,
    )
    idle_until = int(time.time()) + context.settings.refresh_token_idle_lifetime
    context.work.change(family, {"token_hash": successor.hash, "idle_until": idle_until})
    context.work.put(used)
    if family.consent_id:
        withdrawn = InvalidGrantError()
        require_consent(
            context.work, family.user_id, family.client_id, family.consent_id, otherwise=withdrawn
        )
    return successor


def consent_key(family: TokenFamily) -> Key | None:
    """Return the key of the consent that a family rests on, if it rests on one."""
    return keys.consent(family.user_id, family.client_id) if family.consent_id else None


def has_consent(context: Context, family: TokenFamily) -> bool:
    """Whether the consent that a family rests on, if any, still stands; it was read."""
    if not family.consent_id:
        return True
    consent = context.find(Consent, consent_key(family))
    return consent is not None and consent.consent_id == family.consent_id


def revoke_family(context: Context, family: TokenFamily) -> None:
    """End a family: its refresh tokens, and its access tokens with the next request."""
    context.work.change(family, {"is_revoked": True})


def revoke_unread_family(context: Context, family_key: Key, *, otherwise: ApiError) -> None:
    """End a family that was not read.

    :param otherwise: raised by the commit where it has ended before; nothing is written then.
    """
    actions = [TokenFamily.is_revoked.set(True), TokenFamily.version.add(1)]
    is_running = TokenFamily.is_revoked == False  # noqa: E712 - an expression
    context.work.add(TokenFamily.at(family_key), actions, is_running, otherwise=otherwise)
