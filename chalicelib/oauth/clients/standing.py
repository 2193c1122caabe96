"""What a client may do today: it depends on the client and on its owner's account, and is stored nowhere."""

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.oauth.clients.models import PASSWORD, OAuth2Client
from chalicelib.oauth.errors import InvalidScopeError, UnauthorizedClientError
from chalicelib.scopes import FIRST_PARTY_ONLY
from chalicelib.users.models import User


def find_owner(context: Context, client: OAuth2Client) -> User | None:
    """Return the owner of a client that may be used; None if one of the two is disabled or gone."""
    key = keys.user(client.user_id)
    context.read([key])
    owner = context.find(User, key)
    return owner if client.is_active and owner is not None and owner.is_active else None


def require_owner(context: Context, client: OAuth2Client) -> User:
    """Return the owner of a client that may be used.

    :raises UnauthorizedClientError: it may not.
    """
    owner = find_owner(context, client)
    if owner is None:
        raise UnauthorizedClientError("This client is suspended, or its owner's account is disabled.")
    return owner


def is_first_party(client: OAuth2Client, owner: User) -> bool:
    """Whether a client has the password grant, and belongs to an active admin."""
    return PASSWORD in client.grant_types and owner.is_active_admin


def allowed_scopes(client: OAuth2Client, owner: User, *, for_owner: bool = False) -> frozenset[str]:
    """Return the scopes that a client's tokens may have.

    :param for_owner: the client acts for its owner by client_credentials, not for somebody who signed in.
    """
    scopes = frozenset(client.default_scopes)
    return scopes if for_owner or is_first_party(client, owner) else scopes - FIRST_PARTY_ONLY


def granted_scopes(allowed: frozenset[str], asked: str | None) -> frozenset[str]:
    """Return the scopes of a token: what is asked, with blanks in between, else everything that is allowed.

    :raises InvalidScopeError: more is asked than may be, or nothing is left: a scope has at least one name
        (RFC 6749 §3.3).
    """
    names = frozenset((asked or "").split())
    if not allowed:
        raise InvalidScopeError("No scope is left: give the client default_scopes, or sign in again.")
    if not names <= allowed:
        raise InvalidScopeError
    return names or allowed
