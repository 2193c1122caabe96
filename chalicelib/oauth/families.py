"""Refresh tokens: one use each, in families that die as a whole (RFC 9700 §4.14.2)."""

import base64
import hashlib
import hmac
import re
import time
from dataclasses import dataclass, field

from chalicelib.db import keys
from chalicelib.db.keys import Key, new_id
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.oauth.models import Consent, OAuth2Client, TokenFamily, UsedRefreshToken
from chalicelib.oauth.secrets import hash_secret, new_secret
from chalicelib.security.keys import Keyring
from chalicelib.settings import Settings
from chalicelib.users.models import User
from chalicelib.web.operation import Call

SHAPE = re.compile(r"([0-9A-Z]{26})\.([0-9A-Z]{26})\.[A-Za-z0-9_-]{43}")
LENGTH = 97  # characters


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token as it was presented; its first parts only say where to look.

    :param text: all of it; of this, only the hash is ever stored.
    """

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
    """Read a presented token; None if it can't be one of ours."""
    match = SHAPE.fullmatch(text)
    return RefreshToken(text, match[1], match[2]) if match else None


def _token(user_id: str, family_id: str, secret: str) -> RefreshToken:
    return RefreshToken(f"{user_id}.{family_id}.{secret}", user_id, family_id)


def successor_of(keyring: Keyring, token: RefreshToken) -> RefreshToken:
    """Return the token that follows another one; it is the same each time, and only this server can tell it.

    It is a MAC of the whole token before, user and family included, so nothing secret has to be stored.
    """
    digest = hmac.digest(keyring.mac_key("refresh token"), token.text.encode(), hashlib.sha256)
    secret = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return _token(token.user_id, token.family_id, secret)


@dataclass(frozen=True)
class Start:
    """What a family starts from.

    :param consent_id: what it lives and dies with, after a sign-in by code.
    """

    user: User
    client: OAuth2Client
    scopes: frozenset[str]
    family_id: str = field(default_factory=new_id)
    consent_id: str | None = None


def start_family(transaction: Transaction, settings: Settings, start: Start) -> RefreshToken:
    """Add a new family with its first token to a transaction."""
    now = int(time.time())
    token = _token(start.user.id, start.family_id, new_secret())
    until = now + settings.refresh_token_absolute_lifetime
    family = TokenFamily.at(
        token.family_key,
        family_id=start.family_id,
        user_id=start.user.id,
        client_id=start.client.client_id,
        registration_id=start.client.registration_id,
        consent_id=start.consent_id,
        scope=" ".join(sorted(start.scopes)),
        credentials_version=start.user.credentials_version,
        token_hash=token.hash,
        idle_until=now + settings.refresh_token_idle_lifetime,
        absolute_until=until,
        # Access tokens look for their family: it has to outlive the last of them.
        expires_at=until + settings.access_token_lifetime + 86400,
    )
    transaction.put("family", family)
    return token


def is_of(family: TokenFamily, client: OAuth2Client) -> bool:
    """Whether a family began at a client: at this very registration, as ids may be registered again."""
    return (family.client_id, family.registration_id) == (client.client_id, client.registration_id)


def is_current(family: TokenFamily, token: RefreshToken) -> bool:
    """Compare a token with the one that its family expects, in constant time."""
    return hmac.compare_digest(family.token_hash, token.hash)


def was_used(call: Call, token: RefreshToken) -> bool:
    """Tell whether the token was good once: garbage with a family's id must not end the family."""
    return _tombstone(call, token) is not None


def is_repeated(call: Call, family: TokenFamily, token: RefreshToken) -> bool:
    """Whether a token is shown once more in the grace: it was used last, just now, its successor never yet.

    An answer may be lost, and two tabs may refresh at once: both get the same successor. A thief gains no
    session of their own by that. Whoever uses the successor later leaves the other one with a token that is
    used, or whose successor is, and to show that ends the family. For both to go on unnoticed, each of them
    would have to refresh within these seconds of the other, every time.
    """
    used = _tombstone(call, token)
    if used is None or used.successor_hash != family.token_hash:
        return False
    return time.time() - used.created.timestamp() <= call.settings.refresh_token_grace


def _tombstone(call: Call, token: RefreshToken) -> UsedRefreshToken | None:
    used = call.items.get(token.used_key)
    return used if isinstance(used, UsedRefreshToken) and used.family_id == token.family_id else None


def is_alive(family: TokenFamily) -> bool:
    """Check revocation and both expiries; DynamoDB's TTL is never trusted to have swept."""
    return not family.is_revoked and time.time() < min(family.idle_until, family.absolute_until)


def rotate(call: Call, family: TokenFamily, token: RefreshToken, transaction: Transaction) -> RefreshToken:
    """Use a token up and return its successor.

    :param transaction: what else belongs to it.
    :raises ConditionFailedError: "family", "used": the family changed in the meantime; "consent": the user
        took it back.
    """
    successor = successor_of(call.keyring, token)
    used = UsedRefreshToken.at(
        token.used_key,
        family_id=family.family_id,
        successor_hash=successor.hash,
        expires_at=family.expires_at,
    )
    idle_until = int(time.time()) + call.settings.refresh_token_idle_lifetime
    transaction.change("family", family, {"token_hash": successor.hash, "idle_until": idle_until})
    transaction.put("used", used)
    if family.consent_id:
        require_consent(transaction, family.user_id, family.client_id, family.consent_id)
    transaction.commit()
    return successor


def consent_keys(family: TokenFamily) -> list[Key]:
    """Return the key of the consent that a family rests on, if it rests on one."""
    return [keys.consent(family.user_id, family.client_id)] if family.consent_id else []


def has_consent(call: Call, family: TokenFamily) -> bool:
    """Whether the consent that a family rests on, if any, still stands; it was read."""
    found = [call.items.get(key) for key in consent_keys(family)]
    return all(isinstance(each, Consent) and each.consent_id == family.consent_id for each in found)


def require_consent(transaction: Transaction, user_id: str, client_id: str, consent_id: str) -> None:
    """Let a transaction succeed only while the user's consent stands."""
    condition = Consent.consent_id == consent_id
    transaction.check("consent", Consent, keys.consent(user_id, client_id), condition)


def revoke_family(family_key: Key, transaction: Transaction | None = None) -> None:
    """End a family: its refresh tokens, and its access tokens with the next request; twice does no harm.

    :param transaction: what is to be written with it; it is not, if the family was at its end before.
    """
    transaction = transaction or Transaction()
    family = TokenFamily.at(family_key)
    actions = [TokenFamily.is_revoked.set(True), TokenFamily.version.add(1)]
    transaction.add("family", family, actions, TokenFamily.is_revoked == False)  # noqa: E712 - an expression
    try:
        transaction.commit()
    except ConditionFailedError:
        return  # Somebody else has ended it, or TTL has swept it: it is as dead as can be.
