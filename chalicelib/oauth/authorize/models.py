"""What a client asks of a person, what the person lets it do, and the codes that come of it."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL, Personal, Place, shown
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction
from chalicelib.errors import ApiError
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.errors import OAuthError
from chalicelib.oauth.secrets import hash_secret

# A name that one site has. Addresses, in whatever form, and loopback names may be anybody's on the device.
DOMAIN = re.compile(r"(?!.*\.localhost$)[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*", re.ASCII)
CODE = re.compile(r"([0-9A-Z]{26})\.[\w-]{43}", re.ASCII)  # the user's id, and 256 random bits
VERIFIER = re.compile(r"[\w.~-]{43,128}", re.ASCII)  # RFC 7636 §4.1


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request for a code that may be put before a person.

    :param redirect_uri_was_given: the request named the redirect URI, else it is the client's only one.
    :param issuer: public base URL of the stage (RFC 9207).
    """

    client: OAuth2Client
    redirect_uri: str
    redirect_uri_was_given: bool
    state: str | None
    issuer: str
    scopes: frozenset[str] = frozenset()
    code_challenge: str = ""

    @property
    def scope(self) -> str:
        """The scopes as one text."""
        return " ".join(sorted(self.scopes))

    @property
    def destination(self) -> str | None:
        """The origin that receives the code; None where any app on the device may (RFC 8252 §8.6)."""
        parts = urlsplit(self.redirect_uri)
        if parts.scheme != "https" or not DOMAIN.fullmatch(parts.hostname or ""):
            return None
        return f"https://{parts.netloc.lower().removesuffix(':443')}"

    def answer(self, **parameters: str) -> str:
        """Return the address that brings an answer to the client (RFC 6749 §4.1.2, RFC 9207 §2)."""
        state = {} if self.state is None else {"state": self.state}
        query = urlencode({**parameters, **state, "iss": self.issuer})
        return f"{self.redirect_uri}{'&' if urlsplit(self.redirect_uri).query else '?'}{query}"

    def refusal(self, error: OAuthError) -> str:
        """Return the address that brings an error to the client (RFC 6749 §4.1.2.1)."""
        return self.answer(error=error.code, error_description=error.detail)


class Consent(Item, discriminator="consent"):
    """What a user lets a client do; without it, all that the client got by code is void.

    It says what the page showed when the user consented: of which registration, under which name, and the
    origins that it sent the browser to, the last ones last. Without them the user is asked again.
    """

    SCHEMA = 2
    personal = Personal(
        places=lambda person: [Place(keys.user(person.id).pk, keys.CONSENTS)],
        show=shown("client_id", "client_name", "destinations", "scope", "created", "updated"),
    )

    consent_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    client_id = UnicodeAttribute()
    registration_id = UnicodeAttribute(null=True)  # the client's
    client_name = UnicodeAttribute(default="")
    destinations: ListAttribute[Any] = ListAttribute(default=list)
    scope = UnicodeAttribute()

    def counted(self) -> tuple[str, ...]:
        """Return the counters that this item is counted in."""
        return (keys.consents_of(self.user_id),)


def require_consent(
    work: Transaction, user_id: str, client_id: str, consent_id: str, *, otherwise: ApiError | None = None
) -> None:
    """Make work depend on the user's consent, which has to stand."""
    condition = Consent.consent_id == consent_id
    work.check(Consent, keys.consent(user_id, client_id), condition, otherwise=otherwise)


class AuthorizationCode(Item, discriminator="authorization_code"):
    """An authorization code; of its text only SHA-256 is kept, also after its use, to know it again.

    `redirect_uri_was_given`: the request named its redirect URI, so the exchange has to, too;
    `family_id` is the family that its use starts.
    """

    personal = Personal(
        places=lambda person: [Place(keys.user(person.id).pk, keys.CODES)],
        show=shown("client_id", "redirect_uri", "scope", "is_used", "created"),
    )

    user_id = UnicodeAttribute()
    client_id = UnicodeAttribute()
    registration_id = UnicodeAttribute(null=True)  # the client's
    consent_id = UnicodeAttribute()
    family_id = UnicodeAttribute()
    redirect_uri = UnicodeAttribute()
    redirect_uri_was_given = BooleanAttribute(default=True, attr_name="names_redirect_uri")
    scope = UnicodeAttribute()
    code_challenge = UnicodeAttribute()
    credentials_version = NumberAttribute()
    valid_until = NumberAttribute()  # seconds since 1970
    is_used = BooleanAttribute(default=False)

    def is_verified_by(self, verifier: str) -> bool:
        """Whether a code verifier fits the challenge (RFC 7636 §4.6, S256)."""
        if not VERIFIER.fullmatch(verifier):
            return False
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return hmac.compare_digest(made, self.code_challenge)


def parse_code(text: str) -> tuple[str, Key] | None:
    """Return whose code a text is, and the key of its item; None if it cannot be one of ours."""
    match = CODE.fullmatch(text)
    return (match[1], keys.authorization_code(match[1], hash_secret(text))) if match else None


class UsedTicket(Item, discriminator="used_ticket"):
    """The consent page that it was on is answered: it counts once."""

    personal = NOT_PERSONAL
