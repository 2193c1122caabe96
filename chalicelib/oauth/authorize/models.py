"""Requests for codes, the codes, and the tickets of pages that were answered."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.personal import NOT_PERSONAL, Personal, Place, shown
from chalicelib.db.table import Item
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.errors import OAuthError

# A name that one site has. Addresses, in whatever form, and loopback names may be anybody's on the device.
DOMAIN = re.compile(r"(?!.*\.localhost$)[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*", re.ASCII)


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


class UsedTicket(Item, discriminator="used_ticket"):
    """The consent page that it was on is answered: it counts once."""

    personal = NOT_PERSONAL
