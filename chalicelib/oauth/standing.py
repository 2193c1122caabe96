"""What a client may do today: it depends on the client and on its owner's account, and is stored nowhere."""

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import get_many
from chalicelib.oauth.errors import UnauthorizedClientError
from chalicelib.oauth.grants.names import PASSWORD
from chalicelib.oauth.models import OAuth2Client
from chalicelib.oauth.scopes import FIRST_PARTY_ONLY
from chalicelib.users.models import User
from chalicelib.web.operation import Call


def is_in_force(client: OAuth2Client, owner: User | None) -> bool:
    """Whether a client may be used at all: neither it nor its owner's account is disabled or gone."""
    return bool(client.is_active and owner is not None and owner.is_active)


def is_first_party(client: OAuth2Client, owner: User | None) -> bool:
    """Whether a client has the password grant, and belongs to an active admin."""
    return PASSWORD in client.grant_types and owner is not None and owner.is_active_admin


def allowed_scopes(client: OAuth2Client, owner: User | None, *, for_owner: bool = False) -> frozenset[str]:
    """Return the scopes that a client's tokens may have.

    :param for_owner: the client acts for its owner by client_credentials, not for somebody who signed in.
    """
    scopes = frozenset(client.default_scopes)
    return scopes if for_owner or is_first_party(client, owner) else scopes - FIRST_PARTY_ONLY


def owner_of(call: Call, client: OAuth2Client, *more: Key) -> User | None:
    """Return a client's owner; what the call has not read yet is read now, in one BatchGetItem.

    :param more: keys of what else is needed; it is in the call's items afterwards.
    """
    key = keys.user(client.user_id)
    call.items |= get_many(wanted for wanted in (key, *more) if wanted not in call.items)
    owner = call.items.get(key)
    return owner if isinstance(owner, User) else None


def require_in_force(call: Call, client: OAuth2Client, *more: Key) -> User:
    """Return the owner of a client that may be used.

    :param more: as for `owner_of`.
    :raises UnauthorizedClientError: the client is suspended, or its owner's account is disabled or gone.
    """
    owner = owner_of(call, client, *more)
    if owner is None or not is_in_force(client, owner):
        raise UnauthorizedClientError("This client is suspended, or its owner's account is disabled.")
    return owner
